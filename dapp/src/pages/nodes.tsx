/** All nodes, to choose between: live, sorted, filtered, searched. */

import { useDeferredValue, useEffect, useRef, useState } from "react";
import { Link } from "wouter";

import { useNodes, usePool, type Node } from "../api/queries";
import { Icon, shortened } from "../components/address";
import { Amount, None } from "../components/amount";
import { Badge } from "../components/badge";
import { Bar } from "../components/bar";
import { Explain } from "../components/explain";
import { Figure, Figures } from "../components/figure";
import { Page } from "../components/page";
import { Loaded } from "../components/skeleton";
import { Table, type Column } from "../components/table";
import { useNow } from "../live/clock";
import { t } from "../texts";
import { formatAmount, ratio } from "../units/amount";
import { formatAge, formatCount, formatFee, formatUptime, secondsSince } from "../units/number";
import { condition, filters, fits, room, type Filter } from "./node-state";
import { Rate } from "./rate";
import { RoomNotice } from "./waiting";

export function NodesPage() {
  const nodes = useNodes();
  return (
    <Page title={t.nodes.title} lead={t.nodes.lead}>
      <RoomNotice />
      <PoolStrip />
      <Loaded of={nodes} lines={8}>
        {(list) => <NodeTable nodes={list.nodes} />}
      </Loaded>
    </Page>
  );
}

function PoolStrip() {
  const pool = usePool().data;
  const figures = pool?.figures;
  return (
    <Figures>
      <Figure name={t.pool.staked} value={figures ? <Amount value={figures.stock.active} places={0} /> : <None />} />
      <Figure name={t.nodes.title} value={pool ? formatCount(pool.nodes) : <None />} />
      <Figure name={t.node.answered} value={figures ? formatCount(figures.ever.answered) : <None />} />
      <Figure name={t.node.missed} value={figures ? formatCount(figures.ever.missed) : <None />} />
      <Figure name={t.pool.fee} value={pool ? formatFee(pool.fee_bps) : <None />} />
    </Figures>
  );
}

function NodeTable({ nodes }: { nodes: readonly Node[] }) {
  const [search, setSearch] = useState("");
  const [filter, setFilter] = useState<Filter>("all");
  const wanted = useDeferredValue(search);
  const fresh = useFresh(nodes);
  const now = useNow();
  const shown = nodes.filter((node) => fits(node, filter, wanted));
  return (
    <>
      <div className="filters">
        <label className="search">
          <span className="unseen">{t.nodes.search}</span>
          <Icon name="search" />
          <input
            type="search"
            value={search}
            placeholder={t.nodes.search}
            onChange={(event) => setSearch(event.target.value)}
          />
        </label>
        <fieldset className="choice">
          <legend className="unseen">{t.nodes.filter}</legend>
          {filters.map((each) => (
            <label key={each}>
              <input type="radio" name="filter" checked={filter === each} onChange={() => setFilter(each)} />
              <span>{t.nodes.filters[each]}</span>
            </label>
          ))}
        </fieldset>
        <span className="count" role="status">
          {t.nodes.count(shown.length, nodes.length)}
        </span>
      </div>
      <Table
        caption={t.nodes.title}
        columns={columns(now)}
        rows={shown}
        id={(node) => node.id}
        initial={{ key: "room", down: true }}
        fresh={(node) => fresh.has(node.id)}
        empty={nodes.length ? t.nodes.noMatch : t.nodes.none}
      />
      <p className="unseen" role="status">
        {fresh.size > 0 && t.nodes.fresh(fresh.size)}
      </p>
    </>
  );
}

/** How long a node that just came stays marked. */
const FRESH_MS = 20_000;

/** Nodes that were not there when the page was opened, for a while. */
function useFresh(nodes: readonly Node[]): ReadonlySet<string> {
  const known = useRef<Set<string>>(undefined);
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    const before = known.current;
    known.current = new Set([...(before ?? []), ...nodes.map((node) => node.id)]);
    const come = before ? nodes.map((node) => node.id).filter((id) => !before.has(id)) : [];
    if (come.length === 0) return;
    setFresh((now) => new Set([...now, ...come]));
    window.setTimeout(
      () => setFresh((now) => new Set([...now].filter((id) => !come.includes(id)))),
      FRESH_MS,
    );
  }, [nodes]);
  return fresh;
}

function columns(now: number): Column<Node>[] {
  return [
    {
      key: "node",
      title: t.node.node,
      head: true,
      cell: (node) => (
        <Link href={`/nodes/${node.id}`} className="node-name">
          <span className="mono">{shortened(node.id)}</span>
        </Link>
      ),
      order: (node) => node.id.toLowerCase(),
    },
    {
      key: "state",
      title: t.node.state,
      cell: (node) => {
        const { tone, word } = condition(node);
        return <Badge tone={tone}>{word}</Badge>;
      },
      order: (node) => condition(node).word,
    },
    {
      key: "room",
      title: t.node.capacity,
      numeric: true,
      cell: (node) => (
        <span className="fill">
          <span>
            <Amount value={node.stake} places={0} unit="none" />
            <span className="quiet"> / {formatAmount(BigInt(node.capacity), 0)}</span>
          </span>
          <Bar
            part={ratio(BigInt(node.stake), BigInt(node.capacity))}
            label={t.node.roomLeft(formatAmount(room(node), 0))}
          />
        </span>
      ),
      order: (node) => room(node),
    },
    {
      key: "apr",
      title: t.node.apr,
      aside: (
        <Explain what={t.node.apr}>
          <p>{t.node.aprMethod}</p>
        </Explain>
      ),
      numeric: true,
      cell: (node) => <Rate value={node.figures?.rates.apr} />,
      order: (node) => node.figures?.rates.apr ?? null,
    },
    {
      key: "fee",
      title: t.node.fee,
      numeric: true,
      wide: true,
      cell: (node) => (node.figures ? formatFee(node.figures.fee_bps) : <None />),
      order: (node) => node.figures?.fee_bps ?? null,
    },
    {
      key: "uptime",
      title: t.node.uptime,
      numeric: true,
      cell: (node) =>
        node.figures?.rates.uptime == null ? <None why={t.notEnough} /> : formatUptime(node.figures.rates.uptime),
      order: (node) => node.figures?.rates.uptime ?? null,
    },
    {
      key: "answered",
      title: t.node.answered,
      numeric: true,
      cell: (node) => (node.figures ? formatCount(node.figures.ever.answered) : <None />),
      order: (node) => node.figures?.ever.answered ?? null,
    },
    {
      key: "missed",
      title: t.node.missed,
      numeric: true,
      cell: (node) => (node.figures ? formatCount(node.figures.ever.missed) : <None />),
      order: (node) => node.figures?.ever.missed ?? null,
    },
    {
      key: "penalties",
      title: t.node.penalties,
      numeric: true,
      wide: true,
      cell: (node) => <Amount value={node.figures?.ever.penalties} unit="none" />,
      order: (node) => (node.figures ? BigInt(node.figures.ever.penalties) : null),
    },
    {
      key: "age",
      title: t.node.age,
      numeric: true,
      wide: true,
      cell: (node) =>
        node.figures ? formatAge(secondsSince(node.figures.registered_at, now)) : <None />,
      order: (node) => (node.figures ? -Date.parse(node.figures.registered_at) : null),
    },
    {
      key: "stake",
      title: t.stake.action,
      cell: (node) =>
        condition(node).takes ? (
          <Link href={`/nodes/${node.id}/stake`} className="button small" aria-label={t.stake.on(shortened(node.id))}>
            {t.stake.action}
          </Link>
        ) : (
          <None why={condition(node).word} />
        ),
    },
  ];
}
