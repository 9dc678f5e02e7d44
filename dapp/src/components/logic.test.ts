import { describe, expect, it } from "vitest";

import type { Sent } from "../chain/sent";
import { toCsv } from "../pages/download";
import { series } from "../pages/series";
import { lines, roundTicks } from "./chart";
import { sorted } from "./table";
import { stepsOf } from "./transaction";

describe("the steps of a transaction", () => {
  const states = (state: Sent["state"]) =>
    stepsOf({ id: "", act: "stake", subject: "", account: "0x", amount: "0", state, nonce: 0, after: 0, hash: null, block: 9 }, false).map(
      (step) => step.state,
    );

  it("go one after the other, and fail where they fail", () => {
    expect(states("signing")).toEqual(["now", "next", "next"]);
    expect(states("sent")).toEqual(["done", "now", "next"]);
    expect(states("confirmed")).toEqual(["done", "done", "done"]);
    expect(states("reverted")).toEqual(["done", "failed", "next"]);
  });
});

describe("a table's order", () => {
  it("puts what is not known last, both ways, and keeps equals in place", () => {
    const rows = [{ n: 2n }, { n: null }, { n: 10n }, { n: 2n }];
    expect(sorted(rows, (row) => row.n, true).map((row) => row.n)).toEqual([10n, 2n, 2n, null]);
    expect(sorted(rows, (row) => row.n, false).map((row) => row.n)).toEqual([2n, 2n, 10n, null]);
    expect(sorted(rows, (row) => row.n, true)[1]).toBe(rows[0]);
  });
});

describe("a chart", () => {
  it.each([0, 0.0003, 0.9, 1, 7, 99, 100, 12_345])("has a few round ticks from 0 to above %d", (top) => {
    const ticks = roundTicks(top);
    expect(ticks[0]).toBe(0);
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(top);
    expect(ticks.length).toBeLessThanOrEqual(6);
  });

  it("breaks its line at gaps", () => {
    const points = [1, null, 2, 3, null].map((value) => ({ label: "", value, shown: "" }));
    expect(lines(points)).toEqual([[0], [2, 3]]);
  });

  it("has a slot for every hour or day, also those before the node", () => {
    const made = series([{ start: "2026-01-31T00:00:00Z" }], "day", () => ({ value: 1, shown: "1" }));
    expect(made).toHaveLength(30);
    expect(made.map((point) => point.value).filter((value) => value !== null)).toEqual([1]);
    expect(new Set(made.map((point) => point.label)).size).toBe(30);
  });
});

describe("the file of an account", () => {
  it("has a line per event, oldest first, with every digit", () => {
    const event = { position: 2, block: 5, time: "T2", tx: "0x2", kind: "Staked", node: "0xn", to_node: null, account: "0xa", data: { amount: "1500000000000000001" } };
    const csv = toCsv([event, { ...event, time: 'T"1', data: { ticket: "7", value: "10" } }]);
    expect(csv.split("\r\n").slice(1, 3)).toEqual([
      '"T""1",5,0x2,Staked,0xn,,0.00000000000000001,7',
      "T2,5,0x2,Staked,0xn,,1.500000000000000001,",
    ]);
  });
});
