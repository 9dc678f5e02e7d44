/** How far what was asked for on this page is. */

import { useEffect } from "react";

import { Icon } from "../components/address";
import { Badge } from "../components/badge";
import type { Tone } from "../components/banner";
import { Steps, type Step } from "../components/steps";
import { t } from "../texts";
import { c } from "../texts/console";
import { dismiss, useAsked, type Operation } from "./asked";
import { useFleet, useOperation, type Node } from "./queries";

const TONES: Record<string, Tone> = { running: "info", done: "good", failed: "bad" };
const MAKING = ["node_made", "node_funded", "node_started", "node_registered", "node_serving"] as const;
/** Which of MAKING is true in each state of a node. */
const REACHED: Record<string, number> = { wanted: 0, keys_made: 1, funded: 2, started: 3, registered: 4, serving: 5 };

/** The steps of a node's making, from its state. */
export function making(node: Node | undefined, operation: Operation): Step[] {
  const reached = operation.state === "done" ? MAKING.length : (REACHED[node?.state ?? "wanted"] ?? 0);
  return MAKING.map((kind, place) => ({
    name: c.events.kinds[kind] ?? kind,
    state: place < reached ? "done" : place > reached ? "next" : operation.state === "failed" ? "failed" : "now",
  }));
}

export function Progress() {
  const asked = useAsked();
  return asked.map((id) => <One key={id} id={id} />);
}

function One({ id }: { id: string }) {
  const { data: operation, isError } = useOperation(id);
  const nodes = useFleet().data?.nodes ?? [];
  useEffect(() => {
    if (isError) dismiss(id);
  }, [isError, id]);
  if (!operation) return null;
  const node = nodes.find((each) => each.id !== null && each.id === operation.node);
  const what = `${c.operation.kinds[operation.kind] ?? operation.kind}${node ? `: ${c.fleet.node(node.index)}` : ""}`;
  return (
    <section className="card progress" aria-label={c.operation.title(what)}>
      <header>
        <strong>{what}</strong>
        <Badge tone={TONES[operation.state] ?? "info"}>{c.operation.states[operation.state] ?? operation.state}</Badge>
        <button type="button" className="plain" onClick={() => dismiss(id)} aria-label={`${c.operation.dismiss}: ${what}`}>
          <Icon name="cross" />
        </button>
      </header>
      {operation.kind === "make_node" && <Steps label={what} steps={making(node, operation)} />}
      <p role="status" className="quiet">
        {operation.detail || t.loading}
      </p>
    </section>
  );
}
