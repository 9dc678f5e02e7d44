/** What a node and its replicas are to an operator: one word and a tone for each, and whether to look at it. */

import type { Tone } from "../components/banner";
import { c } from "../texts/console";
import type { Node, Replica } from "./queries";

export interface Word {
  word: string;
  tone: Tone | "quiet";
}

/** The roster drops a replica that was silent for so long. */
export const SILENT_SECONDS = 2;
/** Blocks between siblings that are nothing to speak of. */
const USUAL = 2;
const WHOLE = 2;

const NODE_TONES: Record<string, Word["tone"]> = { serving: "good", draining: "warn", retired: "quiet", failed: "bad" };
const REPLICA_TONES: Record<string, Word["tone"]> = { serving: "good", draining: "warn", stopping: "quiet", gone: "bad" };

export const isPast = (node: Node) => node.state === "retired" || node.state === "failed";

export function nodeWord(node: Node): Word {
  return { word: c.fleet.states[node.state] ?? node.state, tone: NODE_TONES[node.state] ?? "info" };
}

export function isSilent(replica: Replica): boolean {
  return replica.heard_seconds_ago !== null && replica.heard_seconds_ago > SILENT_SECONDS;
}

export function replicaWord(replica: Replica): Word {
  if (isSilent(replica)) return { word: c.replica.silent, tone: "bad" };
  if (replica.state === "serving" && !replica.ready) return { word: c.replica.notReady, tone: "warn" };
  return { word: c.replica.states[replica.state] ?? replica.state, tone: REPLICA_TONES[replica.state] ?? "info" };
}

/** Blocks behind the furthest of all; 0 while that is nothing to speak of, or nothing is known. */
export function late(replica: Replica, highest: number | null): number {
  if (replica.head === null || highest === null) return 0;
  const blocks = highest - replica.head;
  return blocks > USUAL ? blocks : 0;
}

/** All releases that its replicas run, those of the primary colour first. */
export function releases(node: Node): string[] {
  const ordered = [...node.replicas].sort((a, b) => Number(b.colour === node.primary) - Number(a.colour === node.primary));
  return [...new Set(ordered.map((replica) => replica.release))];
}

/** Not past, and not simply serving with two ready replicas. */
export function needsLook(node: Node): boolean {
  if (node.state === "failed") return true;
  if (node.state === "retired") return false;
  return node.state !== "serving" || node.replicas.filter((replica) => replica.ready && !isSilent(replica)).length < WHOLE;
}

export interface Totals {
  serving: number;
  nodes: number;
  ready: number;
  rosters: number;
  open: number;
  answered: number;
  /** Wei of the poorest sender in use; null when none is known. */
  gas: bigint | null;
  highest: number | null;
  lowest: number | null;
}

/** The fleet in a few figures; past nodes do not count. */
export function totals(nodes: readonly Node[]): Totals {
  const here = nodes.filter((node) => !isPast(node));
  const replicas = here.flatMap((node) => node.replicas);
  const heads = replicas.map((replica) => replica.head).filter((head) => head !== null);
  const gas = replicas.flatMap((replica) => (replica.balance === null ? [] : [BigInt(replica.balance)]));
  return {
    serving: here.filter((node) => node.state === "serving").length,
    nodes: here.length,
    ready: replicas.filter((replica) => replica.ready && !isSilent(replica)).length,
    rosters: replicas.filter((replica) => replica.in_roster).length,
    // Both replicas see every request: the most that one of a node sees is what the node has.
    open: here.reduce((sum, node) => sum + Math.max(0, ...node.replicas.map((replica) => replica.open)), 0),
    answered: replicas.reduce((sum, replica) => sum + replica.answered, 0),
    gas: gas.length ? gas.reduce((least, each) => (each < least ? each : least)) : null,
    highest: heads.length ? Math.max(...heads) : null,
    lowest: heads.length ? Math.min(...heads) : null,
  };
}
