import { describe, expect, it } from "vitest";

import type { Sent } from "./sent";
import { isDone, isLike } from "./watch";

const sent: Sent = {
  id: "1",
  act: "stake",
  subject: "0xnode",
  account: "0xme",
  amount: "1",
  state: "sent",
  nonce: 3,
  after: 100,
  hash: "0xaa",
  block: null,
};
const event = { position: 0, block: 101, time: "", tx: "0xaa", kind: "Staked", node: "0xnode", to_node: null, account: "0xme", data: {} };

describe("what became of a transaction", () => {
  it("is told by its own event", () => {
    expect(isDone(sent, event)).toBe(true);
    expect(isDone(sent, { ...event, tx: "0xbb" })).toBe(false);
    expect(isDone(sent, { ...event, kind: "Claimed" })).toBe(false);
  });

  it("or by the same act since, where it was replaced or its hash was never heard", () => {
    const other = { ...event, tx: "0xbb" };
    expect(isLike(sent, other)).toBe(true);
    expect(isLike(sent, { ...other, block: 100 })).toBe(false);
    expect(isLike(sent, { ...other, node: "0xother" })).toBe(false);
    const withdrawal: Sent = { ...sent, act: "withdraw", subject: "7" };
    expect(isLike(withdrawal, { ...other, kind: "Withdrawn", data: { ticket: "7" } })).toBe(true);
    expect(isLike(withdrawal, { ...other, kind: "Withdrawn", data: { ticket: "8" } })).toBe(false);
  });
});
