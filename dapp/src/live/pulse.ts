/**
 * One stream of the control plane for the whole page: which block the figures are of, and whether they still come.
 * Whoever shows something keeps it in a query whose key begins with PUBLIC; it is read again when a block or a
 * change of the fleet is heard.
 */

import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";

import type { Schemas } from "../api/client";
import { notBefore } from "./clock";

export const PUBLIC = "public";
const STREAM = "/api/v1/public/events";
/** A stream says something every 5 s; one that is silent for longer is lost, whatever the browser thinks of it. */
const SILENT_MS = 13_000;
const AGAIN_MS = 2_000;
/** Reading everything again more often than this helps nobody, however fast blocks come. */
const PACE_MS = 900;
/** How often figures are read while there is no stream. */
export const POLL_MS = 10_000;

export interface Pulse {
  state: "connecting" | "live" | "lost";
  block: number | null;
  time: string | null;
  head: number | null;
}

let pulse: Pulse = { state: "connecting", block: null, time: null, head: null };
const listeners = new Set<() => void>();

function tell(change: Partial<Pulse>): void {
  pulse = { ...pulse, ...change };
  for (const listener of listeners) listener();
}

export function usePulse(): Pulse {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => pulse,
  );
}

/** Blocks the figures are behind the chain's head. */
export function behind(now: Pulse): number {
  return now.block === null || now.head === null ? 0 : Math.max(0, now.head - now.block);
}

/** The block the figures are of, as last heard. */
export function currentBlock(): number | null {
  return pulse.block;
}

/** Between two looks when the stream cannot say when to look. */
export function pollWhenLost(): number | false {
  return pulse.state === "live" ? false : POLL_MS;
}

/** Listen until the page is closed, or what is returned is called. */
export function follow(queries: QueryClient): () => void {
  let source: EventSource | undefined;
  let again: number | undefined;
  let silence: number | undefined;
  const refresh = paced(() => void queries.invalidateQueries({ queryKey: [PUBLIC] }));

  function heard(): void {
    window.clearTimeout(silence);
    silence = window.setTimeout(lost, SILENT_MS);
  }

  function lost(): void {
    source?.close();
    window.clearTimeout(silence);
    tell({ state: "lost" });
    window.clearTimeout(again);
    again = window.setTimeout(open, AGAIN_MS * (0.5 + Math.random()));
  }

  function open(): void {
    source = new EventSource(STREAM);
    heard();
    source.addEventListener("pulse", (event) => {
      heard();
      const said = JSON.parse(event.data as string) as Schemas["Pulse"];
      const news = said.block !== pulse.block || pulse.state !== "live";
      tell({ state: "live", ...said });
      if (said.time) notBefore(Date.parse(said.time));
      if (news) refresh();
    });
    source.addEventListener("fleet", () => {
      heard();
      refresh();
    });
    source.onerror = lost;
  }

  open();
  return () => {
    source?.close();
    window.clearTimeout(again);
    window.clearTimeout(silence);
  };
}

/** At once, then at most every PACE_MS, and never forgotten. */
export function paced(act: () => void): () => void {
  let last = -Infinity;
  let waiting: number | undefined;
  return () => {
    const wait = last + PACE_MS - performance.now();
    if (waiting !== undefined) return;
    const run = () => {
      waiting = undefined;
      last = performance.now();
      act();
    };
    if (wait <= 0) run();
    else waiting = window.setTimeout(run, wait);
  };
}
