/** What happened last: what was heard since the page is open, and before that what the youngest nodes tell. */

import { useQueries } from "@tanstack/react-query";

import { get } from "../api/client";
import { shortened } from "../components/address";
import { Section } from "../components/page";
import { useNow } from "../live/clock";
import { t } from "../texts";
import { c } from "../texts/console";
import { formatAge, secondsSince } from "../units/number";
import { CONSOLE, useHeard } from "./events";
import type { Node } from "./queries";

const SHOWN = 14;
const ASKED = 4;

interface Line {
  id: string;
  at: string;
  kind: string;
  node: string | null;
  more: string;
}

/** The words of an event's data that say something to a person. */
export function said(data: Record<string, unknown>): string {
  const told = ["state", "to", "release", "detail", "why", "action", "subject", "name", "purpose"];
  return told
    .map((key) => data[key])
    .filter((value): value is string => typeof value === "string" && value !== "")
    .map((value) => (/^0x[0-9a-fA-F]{40}$/.test(value) ? shortened(value) : value))
    .join(" · ");
}

export function Feed({ nodes, only }: { nodes: readonly Node[]; only?: string | null }) {
  const now = useNow();
  const heard = useHeard().events.filter((event) => !only || event.node === only);
  const lines: Line[] = heard.map((event) => ({ ...event, id: String(event.number), more: said(event.data) }));
  const before = useBefore(nodes);
  const first = Date.parse(lines.at(-1)?.at ?? "") || Infinity;
  const shown = [...lines, ...before.filter((line) => Date.parse(line.at) < first)].slice(0, SHOWN);
  return (
    <Section title={c.events.title}>
      {shown.length === 0 ? (
        <p className="quiet">{c.events.none}</p>
      ) : (
        <ul className="events">
          {shown.map((line) => (
            <li key={line.id}>
              <span>
                {c.events.kinds[line.kind] ?? line.kind.replaceAll("_", " ")}
                {line.node && <span className="mono quiet"> {shortened(line.node)}</span>}
                {line.more && <span className="block quiet">{line.more}</span>}
              </span>
              <time dateTime={line.at}>{t.ago(formatAge(secondsSince(line.at, now)))}</time>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

/** The stream tells only what is new; what was before stands with each node, asked of those that changed last. */
function useBefore(nodes: readonly Node[]): Line[] {
  const newest = [...nodes]
    .sort((a, b) => Date.parse(b.changed_at) - Date.parse(a.changed_at))
    .flatMap((node) => (node.id ? [node.id] : []))
    .slice(0, ASKED);
  const answers = useQueries({
    queries: newest.map((node) => ({
      queryKey: [CONSOLE, "before", node],
      queryFn: () => get("/api/v1/public/nodes/{node}/replicas", { path: { node } }),
      staleTime: Infinity,
      retry: false, // a node that is not registered yet has no past that anybody may see
    })),
  });
  return answers
    .flatMap(({ data }) => data?.events ?? [])
    .map((event, place) => ({ ...event, id: `before ${String(place)}`, more: "" }))
    .sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
}
