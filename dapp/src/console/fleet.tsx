/** The fleet at a glance: alarms on top, every node with its replicas, what happened last. */

import { useState } from "react";
import { Link } from "wouter";

import { shortened } from "../components/address";
import { Amount } from "../components/amount";
import { Badge } from "../components/badge";
import { Banner } from "../components/banner";
import { Figure, Figures } from "../components/figure";
import { Page } from "../components/page";
import { Empty, Loaded } from "../components/skeleton";
import { c } from "../texts/console";
import { formatAmount } from "../units/amount";
import { formatCount } from "../units/number";
import { Alarms } from "./alarms";
import { Feed } from "./feed";
import { AddNode, Retire } from "./make";
import { Progress } from "./progress";
import { useFleet, type Node } from "./queries";
import { Replicas } from "./replicas";
import { isPast, needsLook, nodeWord, releases, totals, type Totals } from "./standing";

const filters = ["here", "look", "all"] as const;
type Filter = (typeof filters)[number];

const fits: Record<Filter, (node: Node) => boolean> = { here: (node) => !isPast(node), look: needsLook, all: () => true };

export function FleetPage() {
  const fleet = useFleet();
  return (
    <Page title={c.fleet.title} lead={c.fleet.lead} actions={<AddNode />}>
      <Alarms />
      <Progress />
      <Loaded of={fleet} lines={8}>
        {({ nodes }) => <Fleet nodes={nodes} />}
      </Loaded>
    </Page>
  );
}

function Fleet({ nodes }: { nodes: readonly Node[] }) {
  const [filter, setFilter] = useState<Filter>("here");
  const sums = totals(nodes);
  const shown = nodes.filter(fits[filter]);
  const blind = nodes.some((node) => node.state === "serving") && nodes.every((node) => node.replicas.length === 0);
  return (
    <>
      {blind && <Banner tone="info">{c.fleet.standby}</Banner>}
      <Sums sums={sums} />
      <div className="filters">
        <h2>{c.fleet.nodes}</h2>
        <fieldset className="choice">
          <legend className="unseen">{c.fleet.filter}</legend>
          {filters.map((each) => (
            <label key={each}>
              <input type="radio" name="filter" checked={filter === each} onChange={() => setFilter(each)} />
              <span>
                {c.fleet.filters[each]} {String(nodes.filter(fits[each]).length)}
              </span>
            </label>
          ))}
        </fieldset>
      </div>
      {shown.length === 0 && <Empty>{nodes.length === 0 ? c.fleet.none : c.fleet.noMatch}</Empty>}
      <div className="fleet">
        {shown.map((node) => (
          <OneNode key={node.index} node={node} highest={sums.highest} />
        ))}
      </div>
      <Feed nodes={nodes} />
    </>
  );
}

function Sums({ sums }: { sums: Totals }) {
  const behind = sums.highest !== null && sums.lowest !== null ? sums.highest - sums.lowest : 0;
  return (
    <Figures>
      <Figure name={c.fleet.serving} value={formatCount(sums.serving)} note={c.fleet.of(sums.nodes)} />
      <Figure name={c.fleet.replicas} value={formatCount(sums.ready)} note={c.fleet.inRoster(sums.rosters)} />
      <Figure name={c.fleet.open} value={formatCount(sums.open)} note={c.fleet.openNote} />
      <Figure name={c.fleet.answered} value={formatCount(sums.answered)} note={c.fleet.answeredNote} />
      <Figure name={c.fleet.gas} value={<Amount value={sums.gas} unit="coin" places={3} />} note={c.fleet.gasNote} />
      <Figure
        name={c.fleet.block}
        value={sums.highest === null ? <Amount value={null} /> : formatCount(sums.highest)}
        note={c.fleet.late(behind)}
      />
    </Figures>
  );
}

function OneNode({ node, highest }: { node: Node; highest: number | null }) {
  const name = c.fleet.node(node.index);
  const { word, tone } = nodeWord(node);
  return (
    <article className="card fleet-node" aria-label={name}>
      <header>
        <h3>
          <Link href={`/console/nodes/${String(node.index)}`}>{name}</Link>
        </h3>
        <Badge tone={tone}>{word}</Badge>
        {node.id && <span className="mono quiet">{shortened(node.id)}</span>}
        <dl className="inline">
          {node.stake !== null && (
            <div>
              <dt className="unseen">{c.node.stake}</dt>
              <dd>{c.fleet.stake(formatAmount(BigInt(node.stake), 0), formatAmount(BigInt(node.capacity), 0))}</dd>
            </div>
          )}
          {releases(node).length > 0 && (
            <div>
              <dt>{c.fleet.release}</dt>
              <dd className="mono">{releases(node).join(", ")}</dd>
            </div>
          )}
        </dl>
        {node.state === "serving" && !node.accepting && <Badge tone="warn">{c.fleet.closed}</Badge>}
        <span className="row end">
          <Retire node={node} />
        </span>
      </header>
      {!isPast(node) && <Replicas node={node} highest={highest} name={name} />}
    </article>
  );
}
