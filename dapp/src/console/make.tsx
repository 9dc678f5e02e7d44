/** The wishes about nodes: one more, one less. */

import { useState } from "react";

import { call } from "../api/client";
import { c } from "../texts/console";
import { t } from "../texts";
import { parseAmount } from "../units/amount";
import { remember } from "./asked";
import type { Node } from "./queries";
import { meant } from "./session";
import { Wish } from "./wish";

export function AddNode() {
  const [capacity, setCapacity] = useState("");
  const parsed = parseAmount(capacity);
  const wrong = "problem" in parsed && parsed.problem !== "empty" ? t.amount[parsed.problem] : null;
  async function act(key: string) {
    const body = { capacity: "amount" in parsed ? String(parsed.amount) : null };
    const { operation } = await call("post", "/api/v1/nodes", { body, headers: meant(key) });
    remember(operation);
  }
  return (
    <Wish main label={c.node.add} title={c.node.addTitle} words={c.node.addWords} press={c.node.addPress} hindered={wrong} act={act}>
      <div className="field">
        <label htmlFor="capacity">{c.node.capacityLabel}</label>
        <input id="capacity" type="text" inputMode="decimal" autoComplete="off" value={capacity} onChange={(event) => setCapacity(event.target.value)} />
        <span className="hint">{c.node.capacityHint}</span>
      </div>
    </Wish>
  );
}

export function Retire({ node }: { node: Node }) {
  const name = c.fleet.node(node.index);
  async function act(key: string) {
    remember(await call("post", "/api/v1/nodes/{node}/retire", { path: { node: node.id ?? "" }, headers: meant(key) }));
  }
  if (node.id === null || node.state === "retired" || node.state === "failed" || node.state === "draining") return null;
  return (
    <Wish
      small
      danger
      label={c.node.retire}
      about={name}
      title={c.node.retireTitle(name)}
      words={c.node.retireWords}
      press={c.node.retirePress}
      act={act}
    />
  );
}
