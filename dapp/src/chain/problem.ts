/** Everything that keeps a transaction from happening, as one kind each; texts/ has a sentence for every kind. */

import { BaseError, ContractFunctionRevertedError, InsufficientFundsError, UserRejectedRequestError } from "viem";

export type Problem =
  | { kind: "rejected" }
  | { kind: "busy" }
  | { kind: "network" }
  | { kind: "disconnected" }
  | { kind: "silent" }
  | { kind: "least" }
  | { kind: "link"; have: bigint }
  | { kind: "gas"; need: bigint | null; have: bigint | null }
  | { kind: "full"; room: bigint | null }
  | { kind: "paused" }
  | { kind: "closed" }
  | { kind: "leave" }
  | { kind: "early" }
  | { kind: "gone" }
  | { kind: "moving" }
  | { kind: "reverted"; reason: string }
  | { kind: "replaced" }
  | { kind: "unknown"; text: string };

/** The contract's own reasons (StakingPool.vy), by what they mean here. */
const REASONS: readonly (readonly [string, Problem])[] = [
  ["Staking is paused", { kind: "paused" }],
  ["Above the node's capacity", { kind: "full", room: null }],
  ["Node takes no stake", { kind: "closed" }],
  ["Stake at least 1 LINK", { kind: "least" }],
  ["Leave at least 1 LINK or nothing", { kind: "leave" }],
  ["Nothing to take out", { kind: "gone" }],
  ["No such ticket", { kind: "gone" }],
  ["Ticket is not ready", { kind: "early" }],
  ["Node is not retired", { kind: "moving" }],
];

/** A reason given by a contract. */
export function fromReason(reason: string): Problem {
  const known = REASONS.find(([text]) => reason.includes(text));
  return known ? known[1] : { kind: "reverted", reason };
}

const REJECTED = 4001;
const DISCONNECTED = 4900;
const PENDING = -32002;

/** Whatever a wallet or an endpoint threw. Wallets put their codes at different depths, so all are looked at. */
export function fromError(error: unknown): Problem {
  const chain = causes(error);
  const codes = chain.map((each) => (each as { code?: unknown }).code);
  if (codes.includes(REJECTED) || chain.some((each) => each instanceof UserRejectedRequestError)) {
    return { kind: "rejected" };
  }
  if (codes.includes(PENDING)) return { kind: "busy" };
  if (codes.includes(DISCONNECTED)) return { kind: "silent" };
  if (chain.some((each) => each instanceof InsufficientFundsError)) return { kind: "gas", need: null, have: null };
  const texts = chain.map((each) => (each instanceof Error ? each.message : String(each)));
  const named = chain.map(reasonOf).find((reason) => reason !== undefined);
  if (named !== undefined) return fromReason(named);
  const known = REASONS.find(([text]) => texts.some((each) => each.includes(text)));
  if (known) return known[1];
  if (texts.some((each) => /insufficient funds/i.test(each))) return { kind: "gas", need: null, have: null };
  if (texts.some((each) => /revert/i.test(each))) return { kind: "reverted", reason: "" };
  if (texts.some((each) => /failed to fetch|timed? ?out|network|HTTP request failed/i.test(each))) {
    return { kind: "silent" };
  }
  const first = chain[0];
  return { kind: "unknown", text: first instanceof BaseError ? first.shortMessage : (texts[0] ?? "") };
}

function reasonOf(error: unknown): string | undefined {
  return error instanceof ContractFunctionRevertedError ? error.reason : undefined;
}

/** The error and what caused it, outermost first. */
function causes(error: unknown): unknown[] {
  const found: unknown[] = [];
  let each = error;
  while (each !== undefined && each !== null && found.length < 20) {
    found.push(each);
    each = (each as { cause?: unknown }).cause;
  }
  return found;
}
