/** What a node is to a staker: its state in one word, whether it takes stake, and how much. */

import type { Node } from "../api/queries";
import { LEAST } from "../chain/check";
import type { Tone } from "../components/banner";
import { t } from "../texts";

export interface Condition {
  word: string;
  tone: Tone | "quiet";
  /** It is not leaving. */
  open: boolean;
  /** Stake may be put on it now. */
  takes: boolean;
}

/** Juels it still takes. */
export function room(node: Node): bigint {
  const left = BigInt(node.capacity) - BigInt(node.stake);
  return left > 0n ? left : 0n;
}

const WHOLE = 2;

export function condition(node: Node): Condition {
  const status = node.figures?.status ?? "active";
  if (status === "retired") return { word: t.node.states.retired, tone: "quiet", open: false, takes: false };
  if (status === "draining") return { word: t.node.states.draining, tone: "warn", open: false, takes: false };
  const takes = room(node) >= LEAST;
  if (node.serving === 0) return { word: t.node.states.down, tone: "bad", open: true, takes };
  if (node.serving < WHOLE) return { word: t.node.states.one, tone: "warn", open: true, takes };
  if (!takes) return { word: t.node.states.full, tone: "quiet", open: true, takes };
  return { word: t.node.states.serving, tone: "good", open: true, takes };
}

export const filters = ["all", "open", "serving", "over"] as const;
export type Filter = (typeof filters)[number];

export function fits(node: Node, filter: Filter, search: string): boolean {
  const { takes } = condition(node);
  const status = node.figures?.status ?? "active";
  const kept = {
    all: true,
    open: takes,
    serving: node.serving >= WHOLE && status === "active",
    over: status !== "active",
  }[filter];
  const wanted = search.trim().toLowerCase();
  return kept && [node.id, node.wallet].some((address) => address.toLowerCase().includes(wanted));
}
