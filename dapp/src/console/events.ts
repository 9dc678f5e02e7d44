/**
 * The operator's stream: what happens in the fleet, as it happens. Each event has the console's figures read again;
 * the newest are kept to be looked at.
 */

import type { QueryClient } from "@tanstack/react-query";

import { paced } from "../live/pulse";
import { over } from "./session";
import { reader } from "./sse";
import { store } from "./store";

/** EventView of the control plane; a stream's messages are not in its OpenAPI document. */
export interface Happened {
  number: number;
  at: string;
  kind: string;
  node: string | null;
  data: Record<string, unknown>;
}

export const CONSOLE = "console";
const STREAM = "/api/v1/events";
const KEPT = 60;
/** The control plane says at least a comment every 15 s. */
const SILENT_MS = 40_000;
const AGAIN_MS = 2_000;

interface Heard {
  live: boolean;
  events: readonly Happened[];
}

const NOTHING: Heard = { live: false, events: [] };
const heard = store(NOTHING);
export const useHeard = heard.use;

/** Listen until what is returned is called. */
export function listen(queries: QueryClient): () => void {
  const refresh = paced(() => void queries.invalidateQueries({ queryKey: [CONSOLE] }));
  const done = new AbortController();
  let last = "";

  function take(events: readonly Happened[]): void {
    if (events.length === 0) return;
    heard.set({ live: true, events: [...[...events].reverse(), ...heard.now().events].slice(0, KEPT) });
    refresh();
  }

  async function once(): Promise<void> {
    const quiet = new AbortController();
    let silence = 0;
    const alive = () => {
      window.clearTimeout(silence);
      silence = window.setTimeout(() => quiet.abort(), SILENT_MS);
    };
    alive();
    try {
      const reply = await fetch(STREAM, {
        headers: last ? { "Last-Event-ID": last } : {},
        signal: AbortSignal.any([done.signal, quiet.signal]),
      });
      if (reply.status === 401) over();
      if (!reply.ok || !reply.body) return;
      heard.set({ ...heard.now(), live: true });
      refresh();
      const read = reader();
      const body = reply.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await body.read(); !part.done; part = await body.read()) {
        alive();
        const messages = read(part.value);
        last = messages.at(-1)?.id ?? last;
        take(messages.map(({ data }) => JSON.parse(data) as Happened));
      }
    } finally {
      window.clearTimeout(silence);
    }
  }

  async function always(): Promise<void> {
    for (;;) {
      await once().catch(() => undefined); // said by `live`; tried again
      if (done.signal.aborted) return;
      heard.set({ ...heard.now(), live: false });
      await new Promise((resolve) => window.setTimeout(resolve, AGAIN_MS));
    }
  }

  heard.set({ live: true, events: [] }); // until it turns out otherwise: headers come with the first event
  void always();
  return () => {
    done.abort();
    heard.set(NOTHING);
  };
}
