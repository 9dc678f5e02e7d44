/**
 * Transactions that a wallet was asked for, remembered in this browser until they are done: a page that was loaded
 * again goes on where it was. What became of one is always told by the chain, never by memory.
 */

import { useSyncExternalStore } from "react";

import { recall, remember } from "../units/memory";

const KEY = "linkpool.sent";
const KEPT = 20;

export type Act = "stake" | "claim" | "unstake" | "withdraw" | "move";

export interface Sent {
  id: string;
  act: Act;
  /** What it is about, to find it again: a node, a ticket. */
  subject: string;
  account: `0x${string}`;
  /** Juels, for words. */
  amount: string;
  /** signing: the wallet was asked. sent: it has a hash. */
  state: "signing" | "sent" | "confirmed" | "reverted" | "replaced";
  nonce: number | null;
  /** The figures' block when the wallet was asked: what was there before is not this. */
  after: number;
  hash: `0x${string}` | null;
  block: number | null;
}

let all: readonly Sent[] = read();
const listeners = new Set<() => void>();

function read(): readonly Sent[] {
  try {
    const kept: unknown = JSON.parse(recall(KEY) ?? "[]");
    return Array.isArray(kept) ? (kept as Sent[]) : [];
  } catch {
    return [];
  }
}

function write(next: readonly Sent[]): void {
  all = next.slice(-KEPT);
  remember(KEY, JSON.stringify(all));
  for (const listener of listeners) listener();
}

export function begin(sent: Sent): void {
  write([...all.filter((each) => !(each.act === sent.act && each.subject === sent.subject)), sent]);
}

export function change(id: string, news: Partial<Sent>): void {
  write(all.map((each) => (each.id === id ? { ...each, ...news } : each)));
}

export function forget(id: string): void {
  write(all.filter((each) => each.id !== id));
}

export function everySent(): readonly Sent[] {
  return all;
}

export function isOpen(sent: Sent): boolean {
  return sent.state === "signing" || sent.state === "sent";
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useSent(): readonly Sent[] {
  return useSyncExternalStore(subscribe, everySent);
}

/** The last one of an act on a subject, until it is dismissed. */
export function useLast(act: Act, subject: string): Sent | undefined {
  return useSent().findLast((each) => each.act === act && each.subject === subject);
}
