/**
 * The time, for ages and countdowns: one timer for the whole page, running only while something shows it. Never
 * before the last block's time, which is the time that contracts go by.
 */

import { useSyncExternalStore } from "react";

let chain = 0;
let now = Date.now();
let timer: number | undefined;
const listeners = new Set<() => void>();

function look(): void {
  now = Math.max(Date.now(), chain);
  for (const each of listeners) each();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= window.setInterval(look, 1_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      window.clearInterval(timer);
      timer = undefined;
    }
  };
}

/** A block's time was heard. milliseconds since 1970 */
export function notBefore(time: number): void {
  chain = time;
  look();
}

/** Milliseconds since 1970, at most a second old while shown. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}
