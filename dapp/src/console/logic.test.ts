import { describe, expect, it } from "vitest";

import type { Schemas } from "../api/client";
import { asked } from "./document";
import { left } from "./idle";
import { moved, steps } from "./moves";
import type { Move, Node, Replica, Rollout } from "./queries";
import { includes, type Session } from "./session";
import { reader } from "./sse";
import { late, needsLook, releases, replicaWord, totals } from "./standing";

const replica = (change: Partial<Replica> = {}): Replica => ({
  task: "n1-blue-1.a",
  colour: "blue",
  release: "1",
  slot: 0,
  sender: null,
  state: "serving",
  ready: true,
  in_roster: true,
  head: 100,
  catalog: 1,
  open: 0,
  answered: 5,
  balance: "300",
  pid: 1,
  health: null,
  heard_seconds_ago: 0.2,
  ...change,
});
const node = (change: Partial<Node> = {}): Node => ({
  id: "0x00000000000000000000000000000000000000aa",
  index: 1,
  wallet: null,
  state: "serving",
  capacity: "10",
  stake: "1",
  earned: "0",
  accepting: true,
  primary: "blue",
  made_at: "2026-01-01T00:00:00Z",
  changed_at: "2026-01-01T00:00:00Z",
  replicas: [replica(), replica({ task: "n1-blue-1.b", slot: 1, balance: "200", head: 98, open: 2 })],
  ...change,
});
const move = (state: Move["state"], seconds: Move["seconds"] = {}): Move => ({
  node: null,
  index: 1,
  state,
  colour: "green",
  wave: 0,
  detail: "",
  seconds,
});

describe("a stream of events", () => {
  it("gives whole messages however the text is cut, and skips comments", () => {
    const text = ": ping\n\nid: 7\nevent: node_made\ndata: {\"a\":\ndata: 1}\n\nid: 8\r\nevent: x\r\ndata: 2\r\n\r\n";
    for (let size = 1; size < text.length; size++) {
      const read = reader();
      const found = [];
      for (let at = 0; at < text.length; at += size) found.push(...read(text.slice(at, at + size)));
      expect(found).toEqual([
        { id: "7", event: "node_made", data: '{"a":\n1}' },
        { id: "8", event: "x", data: "2" },
      ]);
    }
  });
});

describe("the four steps of an upgrade", () => {
  const states = (of: Move) => steps(of).map((step) => step.state);
  it("follow the move", () => {
    expect(states(move("proving"))).toEqual(["now", "next", "next", "next"]);
    expect(states(move("primary", { starting: 2, proving: 3 }))).toEqual(["done", "now", "next", "next"]);
    expect(states(move("removing"))).toEqual(["done", "done", "done", "now"]);
    expect(states(move("done"))).toEqual(["done", "done", "done", "done"]);
  });
  it("fail where a node turned back", () => {
    expect(states(move("returned", { starting: 2, proving: 180 }))).toEqual(["failed", "next", "next", "next"]);
    expect(states(move("returning", { starting: 2, proving: 3, switching: 1 }))).toEqual(["done", "failed", "next", "next"]);
  });
  it("say how long each took", () => {
    expect(steps(move("draining", { starting: 2, proving: 3 }))[0]?.note).toBe("5 seconds");
  });
  it("count what was to move, not what was skipped", () => {
    const rollout = { moves: [move("done"), move("waiting"), move("skipped")] } as Rollout;
    expect(moved(rollout)).toEqual([1, 2]);
  });
});

describe("the fleet's standing", () => {
  it("sums what is in the pool, and counts a request that both replicas see once", () => {
    const sums = totals([node(), node({ state: "retired", replicas: [] })]);
    expect(sums).toMatchObject({ nodes: 1, serving: 1, ready: 2, open: 2, answered: 10, gas: 200n, highest: 100, lowest: 98 });
    expect(totals([])).toMatchObject({ gas: null, highest: null });
  });
  it("knows what needs a look", () => {
    expect(needsLook(node())).toBe(false);
    expect(needsLook(node({ replicas: [replica()] }))).toBe(true);
    expect(needsLook(node({ replicas: [replica(), replica({ heard_seconds_ago: 9 })] }))).toBe(true);
    expect(needsLook(node({ state: "retired", replicas: [] }))).toBe(false);
    expect(replicaWord(replica({ heard_seconds_ago: 9 })).tone).toBe("bad");
    expect(replicaWord(replica({ ready: false })).tone).toBe("warn");
  });
  it("names the primary colour's release first", () => {
    const two = node({ primary: "green", replicas: [replica(), replica({ colour: "green", release: "2" })] });
    expect(releases(two)).toEqual(["2", "1"]);
  });
  it("speaks of blocks behind only when there are some", () => {
    expect(late(replica({ head: 98 }), 100)).toBe(0);
    expect(late(replica({ head: 90 }), 100)).toBe(10);
    expect(late(replica({ head: null }), 100)).toBe(0);
  });
});

describe("a session", () => {
  const session: Session = { csrf: "", name: "", scope: "read", idle_seconds: 1_800, expires_at: "2026-01-01T12:00:00Z" };
  it("ends unused, or at its time", () => {
    const touched = Date.parse("2026-01-01T10:00:00Z");
    expect(left(session, touched, touched + 60_000)).toBe(1_740);
    expect(left(session, touched, touched + 1_800_000)).toBe(0);
    const late = Date.parse("2026-01-01T11:59:50Z");
    expect(left(session, late, late)).toBe(10);
  });
  it("may do what its scope includes", () => {
    expect(includes("admin", "operate")).toBe(true);
    expect(includes("read", "operate")).toBe(false);
    expect(includes("", "read")).toBe(false);
  });
});

describe("the catalog as it is asked for", () => {
  const bridge = { name: "b", urls: ["http://b/"], program: null, has_token: true, has_incoming_token: false, timeout: 15, concurrency: 64, leaving: false };
  it("leaves out what leaves, and keeps secrets it cannot show", () => {
    const job = { text: "t", offer: null, leaving: false };
    const catalog = { jobs: [job, { ...job, leaving: true }], bridges: [bridge, { ...bridge, name: "c", leaving: true }] };
    expect(asked(catalog as unknown as Schemas["CatalogView"])).toEqual({
      jobs: [{ text: "t", offer: null }],
      bridges: { b: { urls: ["http://b/"], timeout: 15, concurrency: 64, keep_secrets: true } },
    });
  });
});
