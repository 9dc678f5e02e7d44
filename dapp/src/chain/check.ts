/** Whether an amount may be staked, taken out or moved, before any wallet is asked. Amounts in juels. */

import { ONE } from "../units/amount";
import type { Problem } from "./problem";

/** The least that goes in, and that stays when not all comes out. */
export const LEAST = ONE;

export interface StakeFacts {
  /** What the wallet has; undefined while it is not known. */
  balance: bigint | undefined;
  room: bigint;
  /** The node takes stake at all. */
  open: boolean;
  paused: boolean;
}

/** What stands against it; null when nothing does. */
export function whyNotStake(amount: bigint, facts: StakeFacts): Problem | null {
  if (facts.paused) return { kind: "paused" };
  if (!facts.open) return { kind: "closed" };
  if (facts.room < LEAST) return { kind: "full", room: facts.room };
  if (amount < LEAST) return { kind: "least" };
  if (amount > facts.room) return { kind: "full", room: facts.room };
  if (facts.balance !== undefined && amount > facts.balance) return { kind: "link", have: facts.balance };
  return null;
}

/** The most that can be staked: all there is, as far as there is room. */
export function mostStake(facts: StakeFacts): bigint {
  const { balance, room } = facts;
  return balance === undefined || balance > room ? room : balance;
}

/** Taking out: some, leaving at least 1 LINK, or all. */
export function whyNotLeave(amount: bigint, value: bigint): Problem | null {
  if (value === 0n || amount === 0n) return { kind: "gone" };
  if (amount < value && value - amount < LEAST) return { kind: "leave" };
  return null;
}
