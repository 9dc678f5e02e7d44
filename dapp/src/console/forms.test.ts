import { describe, expect, it } from "vitest";

import { Refused, type Schemas } from "../api/client";
import { c } from "../texts/console";
import { ALERTS, PLACES } from "./alarm-kinds";
import * as guard from "./guard-draft";
import * as policy from "./policy-draft";
import * as prices from "./prices-draft";
import { reasonFor, reasons, Wrong } from "./refusal";
import * as release from "./release-draft";

/** The fields that a form refuses by itself. */
function refused(act: () => unknown): string[] {
  try {
    act();
  } catch (failure) {
    if (failure instanceof Wrong) return failure.errors.map(({ field }) => field);
    throw failure;
  }
  return [];
}

describe("a refusal", () => {
  const errors = [
    { field: "policy.ceiling", message: "Input should be less than or equal to 10000" },
    { field: "command.0", message: "String should match pattern '^x$'" },
    { field: "", message: "Value error, a release needs a command or an image" },
  ];
  it("is told at its field, or that which it is in", () => {
    const found = reasons(new Refused(422, "all of it", errors), []);
    expect(reasonFor("policy.ceiling", found)).toBe("Input should be less than or equal to 10000");
    expect(reasonFor("policy.ceil", found)).toBeNull();
    expect(reasonFor("command", found, "A word a line.")).toBe("A word a line.");
    expect(reasonFor("command", found)).toBe("String should match pattern '^x$'");
    expect(reasonFor("", found)).toBe("a release needs a command or an image");
  });
  it("without fields is about the one it begins with", () => {
    const failure = new Refused(409, "floor must not be above ceiling");
    expect(reasons(failure, ["policy.ceiling", "policy.floor"])).toEqual([{ field: "policy.floor", message: failure.message }]);
    expect(reasons(failure, ["name"])).toEqual([]);
    expect(reasons(new Error("cut off"), ["policy.floor"])).toEqual([]);
  });
});

describe("a policy as typed", () => {
  it("is the policy that it came from", () => {
    const wanted = policy.wanted({ ...policy.first(3), load: "0.5", slack: "1.000000000000000001" });
    expect(wanted).toMatchObject({ floor: 3, ceiling: 5, load: 0.5, slack: "1000000000000000001", budget_per_day: String(10n ** 18n) });
    expect(policy.wanted(policy.drafted(wanted))).toEqual(wanted);
    expect(policy.first(0).floor).toBe("1");
  });
  it("refuses amounts that are none, and leaves numbers to the API", () => {
    const typed = { ...policy.first(1), stake_room: "much", slack: "", floor: "few", ceiling: "" };
    expect(refused(() => policy.wanted(typed))).toEqual(["policy.stake_room", "policy.slack"]);
    const numbers = policy.wanted({ ...policy.first(1), floor: "few", ceiling: " " });
    expect(JSON.parse(JSON.stringify(numbers))).toMatchObject({ floor: null, ceiling: null, load: null });
  });
});

describe("a guard as typed", () => {
  const settings: guard.Settings = {
    source: { kind: "url", url: "https://count.test/nodes", path: "data.0", allow_private: true },
    upper: 0.2,
    lower: 0.07,
  };
  it("is the guard that it came from", () => {
    expect(guard.wanted(guard.drafted(settings))).toEqual(settings);
    expect(guard.drafted(settings).lower).toBe("7");
    expect(guard.wanted({ ...guard.drafted(null), nodes: "40" })).toEqual({ source: { kind: "number", nodes: 40 }, upper: 0.2, lower: 0.15 });
  });
  it("never sends back a URL of which not all was shown", () => {
    const source = { ...settings.source, kind: "url" as const, url: "https://count.test/nodes?..." };
    expect(guard.drafted({ ...settings, source } as guard.Settings).url).toBe("");
  });
  it("refuses shares that are none", () => {
    expect(refused(() => guard.wanted({ ...guard.drafted(settings), upper: "120", lower: "x" }))).toEqual(["guard.upper", "guard.lower"]);
  });
});

describe("a price table as typed", () => {
  const table = {
    currency: "EUR",
    engines: { local: { replica_hour: "0", machine_month: "60", machines: 2, gb: "0.09", gb_per_replica_month: 2.5 } },
    rpc: { million_calls: "2.5", calls_per_replica_hour: 310, calls_per_request: 6 },
    fixed: { "two relays": "20" },
  };
  it("is the table that it came from", () => {
    expect(prices.wanted(prices.drafted(table))).toEqual(table);
  });
  it("refuses names that are none or there twice, and leaves prices to the API", () => {
    const draft = prices.drafted(table);
    const twice = { ...draft, engines: [...draft.engines, { ...prices.newEngine(" local "), id: "b" }, { ...prices.newEngine("/"), id: "c" }] };
    expect(refused(() => prices.wanted(twice))).toEqual(["engines#b", "engines#c"]);
    const dear = { ...draft, fixed: [prices.newFixed("database", "-1")] };
    expect(prices.wanted(dear).fixed).toEqual({ database: "-1" });
  });
});

describe("a release as typed", () => {
  const current: Schemas["ReleaseView"] = {
    name: "local",
    command: ["python", "-m", "linkpool.replica"],
    image: null,
    settings: { A: "1=2" },
    made_at: "",
    current: true,
    nodes: 1,
  };
  it("begins as what runs now, without its name", () => {
    const draft = release.like(current);
    expect(draft.name).toBe("");
    expect(release.wanted({ ...draft, name: " next " })).toEqual({
      name: "next",
      body: { command: current.command, image: null, settings: { A: "1=2" } },
    });
  });
  it("refuses what is not whole", () => {
    const empty = { ...release.like(undefined), settings: "A=1\nB" };
    expect(refused(() => release.wanted(empty))).toEqual(["name", "settings", "command"]);
    expect(refused(() => release.wanted({ ...empty, name: "x", settings: "", kind: "image" }))).toEqual(["image"]);
  });
});

describe("alarms", () => {
  it("are each explained, with what to do and where to read on", () => {
    for (const kind of Object.keys(PLACES)) {
      expect([kind, c.alarms.kinds[kind], c.alarms.means[kind], c.alarms.advice[kind]]).not.toContain(undefined);
    }
    expect(Object.keys(c.alarms.alertMeans).sort()).toEqual([...ALERTS].sort());
  });
});
