/** One node: what it earned and lost, what it serves, who answers for it, and where its contracts are. */

import { useState } from "react";
import { Link } from "wouter";

import type { Schemas } from "../api/client";
import { useJobs, useNode, useNodeHistory, usePool, useReplicas, type Bucket, type Node } from "../api/queries";
import { Address, shortened } from "../components/address";
import { Amount, None } from "../components/amount";
import { Badge } from "../components/badge";
import { Banner } from "../components/banner";
import { Bar } from "../components/bar";
import { Chart } from "../components/chart";
import { Explain } from "../components/explain";
import { Figure, Figures } from "../components/figure";
import { Page, Section } from "../components/page";
import { Empty, Loaded } from "../components/skeleton";
import { Table } from "../components/table";
import { useConfig } from "../config";
import { useNow } from "../live/clock";
import { usePulse } from "../live/pulse";
import { t } from "../texts";
import { approximate, formatAmount, ratio } from "../units/amount";
import {
  formatAge,
  formatCount,
  formatFee,
  formatMoment,
  formatUptime,
  secondsSince,
} from "../units/number";
import { Jobs } from "./jobs";
import { condition, room } from "./node-state";
import { Rate } from "./rate";
import { COUNTS, series, short } from "./series";
import { Upgrades } from "./upgrades";

export function NodePage({ id }: { id: string }) {
  const read = useNode(id);
  const node = read.data;
  const state = node && condition(node);
  return (
    <Page
      title={t.node.title(shortened(id))}
      lead={<Address value={id} whole />}
      actions={
        <>
          {state && <Badge tone={state.tone}>{state.word}</Badge>}
          {state?.takes && (
            <Link href={`/nodes/${id}/stake`} className="button main">
              {t.stake.action}
            </Link>
          )}
        </>
      }
    >
      <Loaded of={read} lines={6} unknown={t.node.unknown}>
        {(found) => (
          <>
            <FeeNotice node={found} />
            <Key node={found} />
            <Past id={id} />
            <Section title={t.jobs.title}>
              <JobsHere />
            </Section>
            <div className="halves">
              <Replicas id={id} />
              <Contracts node={found} />
            </div>
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** A change of the maker fee that is on its way to this node. */
function FeeNotice({ node }: { node: Node }) {
  const pool = usePool().data;
  if (!pool || !node.figures) return null;
  const announced = pool.fee_effective_at
    ? t.node.feeAnnounced(formatFee(pool.announced_fee_bps), formatMoment(pool.fee_effective_at))
    : null;
  const adopting =
    node.figures.fee_bps === pool.fee_bps ? null : t.node.feeAdopting(formatFee(node.figures.fee_bps), formatFee(pool.fee_bps));
  if (!announced && !adopting) return null;
  return (
    <Banner tone="info">
      {announced && <p>{announced}</p>}
      {adopting && <p>{adopting}</p>}
    </Banner>
  );
}

function Key({ node }: { node: Node }) {
  const figures = node.figures;
  const now = useNow();
  return (
    <Figures>
      <Figure
        name={t.node.capacity}
        value={<Amount value={node.stake} places={0} />}
        note={
          <span className="fill">
            <Bar part={ratio(BigInt(node.stake), BigInt(node.capacity))} label={t.node.roomLeft(formatAmount(room(node), 0))} />
            {t.node.ofCapacity(formatAmount(BigInt(node.capacity), 0))}
          </span>
        }
      />
      <Figure
        name={
          <>
            {t.node.apr}
            <Explain what={t.node.apr}>
              <p>{t.node.aprMethod}</p>
            </Explain>
          </>
        }
        value={<Rate value={figures?.rates.apr} />}
        note={figures ? t.node.window(formatAge(figures.rates.seconds)) : undefined}
      />
      <Figure name={t.node.fee} value={figures ? formatFee(figures.fee_bps) : <None />} note={t.node.feeNote} />
      <Figure
        name={t.node.uptime}
        value={figures?.rates.uptime == null ? <span className="quiet">{t.notEnough}</span> : formatUptime(figures.rates.uptime)}
        note={t.node.uptimeNote}
      />
      <Figure
        name={t.node.answered}
        value={figures ? formatCount(figures.ever.answered) : <None />}
        note={figures?.rates.delay_blocks == null ? undefined : t.node.delay(figures.rates.delay_blocks)}
      />
      <Figure
        name={t.node.missed}
        value={figures ? formatCount(figures.ever.missed) : <None />}
        note={figures ? t.node.rejected(formatCount(figures.ever.rejected)) : undefined}
      />
      <Figure name={t.node.earned} value={<Amount value={figures?.ever.net} />} note={t.node.earnedNote} />
      <Figure name={t.node.penalties} value={<Amount value={figures?.ever.penalties} />} note={t.node.penaltiesNote} />
      <Figure name={t.node.unbonding} value={<Amount value={figures?.stock.unbonding} places={0} />} note={t.node.unbondingNote} />
      <Figure
        name={t.node.age}
        value={figures ? formatAge(secondsSince(figures.registered_at, now)) : <None />}
        note={figures ? formatMoment(figures.registered_at) : undefined}
      />
    </Figures>
  );
}

const RANGES = { day: "hour", month: "day" } as const;
type Range = keyof typeof RANGES;

function Past({ id }: { id: string }) {
  const [range, setRange] = useState<Range>("day");
  const bucket = RANGES[range];
  const read = useNodeHistory(id, bucket, COUNTS[bucket]);
  return (
    <Section title={t.node.past} aside={<Ranges range={range} choose={setRange} />}>
      <Loaded of={read} lines={6}>
        {(history) => <Charts history={history} bucket={bucket} />}
      </Loaded>
    </Section>
  );
}

function Ranges({ range, choose }: { range: Range; choose: (range: Range) => void }) {
  return (
    <fieldset className="choice">
      <legend className="unseen">{t.node.range}</legend>
      {(["day", "month"] as const).map((each) => (
        <label key={each}>
          <input type="radio" name="range" checked={range === each} onChange={() => choose(each)} />
          <span>{t.node.ranges[each]}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Charts({ history, bucket }: { history: Schemas["History"]; bucket: Bucket }) {
  const amounts = (of: (each: Schemas["Bucket"]) => string, places = 4) =>
    series(history.buckets, bucket, (each) => ({
      value: approximate(BigInt(of(each))),
      shown: `${formatAmount(BigInt(of(each)), places)} LINK`,
    }));
  return (
    <div className="halves">
      <Chart title={t.node.charts.income} kind="bars" tone="good" points={amounts((each) => each.flow.net)} axis={String} />
      <Chart title={t.node.charts.penalties} kind="bars" tone="bad" points={amounts((each) => each.flow.penalties)} axis={String} />
      <Chart title={t.node.charts.stake} kind="line" points={amounts((each) => each.stock.active, 2)} axis={short} />
      <Chart
        title={t.node.charts.answered}
        kind="bars"
        points={series(history.buckets, bucket, (each) => ({
          value: each.flow.answered,
          shown: t.node.charts.answeredOf(formatCount(each.flow.answered), formatCount(each.flow.missed)),
        }))}
        axis={short}
      />
    </div>
  );
}

function JobsHere() {
  const read = useJobs();
  return (
    <Loaded of={read} lines={3}>
      {(found) => <Jobs jobs={found.jobs} />}
    </Loaded>
  );
}

/** How many of the last events are shown. */
const LATELY = 8;

function Replicas({ id }: { id: string }) {
  const read = useReplicas(id);
  const now = useNow();
  const head = usePulse().head;
  return (
    <Section title={t.replicas.title}>
      <p className="quiet">{t.replicas.lead}</p>
      <Loaded of={read} lines={3}>
        {({ replicas, upgrades, events }) => (
          <>
            <Table
              caption={t.replicas.title}
              rows={replicas}
              id={(each) => `${each.colour} ${String(each.slot)} ${each.sender ?? ""}`}
              empty={t.replicas.none}
              columns={[
                {
                  key: "colour",
                  title: t.replicas.colour,
                  head: true,
                  cell: (each) => t.replicas.named(each.colour, each.slot, each.primary),
                },
                {
                  key: "state",
                  title: t.node.state,
                  cell: (each) => (
                    <Badge tone={each.in_roster && each.ready ? "good" : "warn"}>
                      {t.replicas.states[each.state] ?? each.state}
                    </Badge>
                  ),
                },
                {
                  key: "head",
                  title: t.replicas.head,
                  numeric: true,
                  cell: (each) => (each.head === null ? <None /> : <Height head={each.head} chain={head} />),
                },
                {
                  key: "sender",
                  title: t.replicas.sender,
                  wide: true,
                  cell: (each) => (each.sender ? <Address value={each.sender} /> : <None />),
                },
              ]}
            />
            <Upgrades upgrades={upgrades} />
            <h3>{t.replicas.recent}</h3>
            {events.length === 0 && <Empty>{t.replicas.quiet}</Empty>}
            <ol className="events">
              {events.slice(0, LATELY).map((event) => (
                <li key={`${event.at} ${event.kind}`}>
                  <span>{t.events[event.kind] ?? event.kind.replaceAll("_", " ")}</span>
                  <time dateTime={event.at} title={formatMoment(event.at)}>
                    {t.ago(formatAge(secondsSince(event.at, now)))}
                  </time>
                </li>
              ))}
            </ol>
          </>
        )}
      </Loaded>
    </Section>
  );
}

function Height({ head, chain }: { head: number; chain: number | null }) {
  const late = chain === null ? 0 : chain - head;
  return (
    <>
      {formatCount(head)}
      {late > 3 && <span className="quiet"> {t.replicas.late(formatCount(late))}</span>}
    </>
  );
}

function Contracts({ node }: { node: Node }) {
  const config = useConfig();
  return (
    <Section title={t.node.contracts}>
      <dl className="facts">
        <dt>{t.node.oracle}</dt>
        <dd>
          <Address value={node.id} whole />
        </dd>
        <dt>{t.node.wallet}</dt>
        <dd>
          <Address value={node.wallet} whole />
        </dd>
        <dt>{t.pool.contract}</dt>
        <dd>
          <Address value={config.pool} whole />
        </dd>
        <dt>{t.pool.link}</dt>
        <dd>
          <Address value={config.link} whole />
        </dd>
      </dl>
      <p className="quiet">{t.node.ask}</p>
    </Section>
  );
}
