import { describe, expect, it } from "vitest";

import { ONE } from "../units/amount";
import { mostStake, whyNotLeave, whyNotStake, type StakeFacts } from "./check";

const facts: StakeFacts = { balance: 50n * ONE, room: 100n * ONE, open: true, paused: false };
const kind = (amount: bigint, change: Partial<StakeFacts> = {}) => whyNotStake(amount, { ...facts, ...change })?.kind ?? null;

describe("staking", () => {
  it("is fine within balance and room", () => {
    expect(kind(50n * ONE)).toBe(null);
    expect(kind(ONE)).toBe(null);
    expect(kind(100n * ONE, { balance: undefined })).toBe(null);
  });

  it("says what stands against it, the weightiest first", () => {
    expect(kind(ONE - 1n)).toBe("least");
    expect(kind(50n * ONE + 1n)).toBe("link");
    expect(kind(100n * ONE + 1n)).toBe("full");
    expect(kind(ONE, { room: ONE - 1n })).toBe("full");
    expect(kind(ONE, { open: false, room: 0n })).toBe("closed");
    expect(kind(ONE, { paused: true, open: false })).toBe("paused");
  });

  it("offers the most that works", () => {
    for (const balance of [undefined, 0n, 50n * ONE, 1_000n * ONE]) {
      const most = mostStake({ ...facts, balance });
      if (most >= ONE) expect(kind(most, { balance })).toBe(null);
    }
  });
});

describe("leaving", () => {
  it("takes all, or leaves a whole LINK", () => {
    const value = 10n * ONE;
    expect(whyNotLeave(value, value)).toBe(null);
    expect(whyNotLeave(value + 5n, value)).toBe(null);
    expect(whyNotLeave(9n * ONE, value)).toBe(null);
    expect(whyNotLeave(9n * ONE + 1n, value)?.kind).toBe("leave");
    expect(whyNotLeave(0n, value)?.kind).toBe("gone");
    expect(whyNotLeave(ONE, 0n)?.kind).toBe("gone");
  });
});
