/** The pool as a whole: its figures, its share of the network, its fee, who may do what, and who waits for room. */

import { useState, type ReactNode } from "react";

import type { Schemas } from "../api/client";
import { useChainEvents, useJobs, usePool, usePoolHistory, useTerms } from "../api/queries";
import { Address } from "../components/address";
import { Amount, None } from "../components/amount";
import { Banner } from "../components/banner";
import { Chart } from "../components/chart";
import { Explain } from "../components/explain";
import { Figure, Figures } from "../components/figure";
import { Page, Section } from "../components/page";
import { Loaded } from "../components/skeleton";
import { Table } from "../components/table";
import { useNow } from "../live/clock";
import { t } from "../texts";
import { approximate, formatAmount } from "../units/amount";
import {
  formatAge,
  formatCount,
  formatDuration,
  formatFee,
  formatMoment,
  formatUptime,
  secondsSince,
} from "../units/number";
import { Guard } from "./guard";
import { Jobs } from "./jobs";
import { Rate } from "./rate";
import { COUNTS, series, short } from "./series";
import { Waiting } from "./waiting";

type Pool = Schemas["PoolFigures"];
type ChainEvent = Schemas["ChainEvent"];

export function PoolPage() {
  const read = usePool();
  const jobs = useJobs();
  return (
    <Page title={t.nav.pool} lead={t.pool.lead}>
      <Loaded of={read} lines={8}>
        {(pool) => (
          <>
            <Paused pool={pool} />
            <Key pool={pool} />
            <Past />
            <div className="halves">
              {pool.guard && <Guard guard={pool.guard} />}
              <Waiting />
            </div>
            <Section title={t.jobs.title}>
              <Loaded of={jobs}>{(found) => <Jobs jobs={found.jobs} />}</Loaded>
            </Section>
            <div className="halves">
              <Fees pool={pool} />
              <Terms />
            </div>
            <Checks pool={pool} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Paused({ pool }: { pool: Pool }) {
  const now = useNow();
  if (!pool.paused_until || secondsSince(pool.paused_until, now) > 0) return null;
  return (
    <Banner tone="warn" alert>
      {t.pool.paused(formatMoment(pool.paused_until))}
    </Banner>
  );
}

function Key({ pool }: { pool: Pool }) {
  const figures = pool.figures;
  return (
    <Figures>
      <Figure
        name={t.pool.staked}
        value={<Amount value={figures?.stock.active} places={0} />}
        note={figures && t.pool.leaving(formatAmount(BigInt(figures.stock.unbonding), 0))}
      />
      <Figure name={t.nodes.title} value={formatCount(pool.nodes)} />
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
      <Figure
        name={t.node.uptime}
        value={figures?.rates.uptime == null ? <span className="quiet">{t.notEnough}</span> : formatUptime(figures.rates.uptime)}
        note={t.node.uptimeNote}
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
      <Figure name={t.node.earned} value={<Amount value={figures?.ever.net} />} note={t.node.earnedNote} />
      <Figure name={t.node.penalties} value={<Amount value={figures?.ever.penalties} />} note={t.node.penaltiesNote} />
    </Figures>
  );
}

function Past() {
  const read = usePoolHistory("day", COUNTS.day);
  return (
    <Section title={t.pool.past}>
      <Loaded of={read} lines={5}>
        {({ buckets }) => (
          <div className="halves">
            <Chart
              title={t.node.charts.stake}
              kind="line"
              axis={short}
              points={series(buckets, "day", (each) => ({
                value: approximate(BigInt(each.stock.active)),
                shown: `${formatAmount(BigInt(each.stock.active))} LINK`,
              }))}
            />
            <Chart
              title={t.node.charts.income}
              kind="bars"
              tone="good"
              axis={String}
              points={series(buckets, "day", (each) => ({
                value: approximate(BigInt(each.flow.net)),
                shown: `${formatAmount(BigInt(each.flow.net), 4)} LINK`,
              }))}
            />
          </div>
        )}
      </Loaded>
    </Section>
  );
}

const SHOWN = 20;

function Fees({ pool }: { pool: Pool }) {
  const changed = useChainEvents("FeeChanged", SHOWN);
  const announced = useChainEvents("FeeAnnounced", SHOWN);
  const all = [...(changed.data?.events ?? []), ...(announced.data?.events ?? [])].sort((a, b) => b.position - a.position);
  return (
    <Section title={t.pool.fee}>
      <p className="big">{formatFee(pool.fee_bps)}</p>
      {pool.fee_effective_at && (
        <Banner tone="info">{t.node.feeAnnounced(formatFee(pool.announced_fee_bps), formatMoment(pool.fee_effective_at))}</Banner>
      )}
      <p className="quiet">{t.pool.feeRule}</p>
      <Loaded of={changed} lines={2}>
        {() => (
          <Table
            caption={t.pool.feePast}
            rows={all}
            id={(event) => String(event.position)}
            columns={[
              { key: "when", title: t.pool.when, head: true, cell: (event) => formatMoment(event.time) },
              { key: "what", title: t.pool.what, cell: feeEvent },
              { key: "tx", title: t.pool.tx, wide: true, cell: (event) => <Address value={event.tx} kind="tx" /> },
            ]}
          />
        )}
      </Loaded>
    </Section>
  );
}

function feeEvent(event: ChainEvent): string {
  const fee = formatFee(Number(event.data.fee_bps));
  if (event.kind === "FeeChanged") return t.pool.feeChanged(fee);
  const from = new Date(Number(event.data.effective_at) * 1000).toISOString();
  return t.pool.feeSaid(fee, formatMoment(from));
}

const NOBODY = /^0x0+$/;

function Terms() {
  const read = useTerms();
  return (
    <Section title={t.pool.terms}>
      <Loaded of={read} lines={8}>
        {(terms) => (
          <>
            <h3>{t.pool.addresses}</h3>
            <dl className="facts">
              <Who name={t.pool.contract} address={terms.pool} />
              <Who name={t.pool.link} address={terms.link} />
              <Who name={t.pool.view} address={terms.view} />
              <Who name={t.pool.implementation} address={terms.implementation} />
            </dl>
            <h3>{t.pool.roles}</h3>
            <dl className="facts">
              <Who name={t.pool.owner} address={terms.owner} note={t.pool.ownerMay} />
              {!NOBODY.test(terms.pending_owner) && <Who name={t.pool.pendingOwner} address={terms.pending_owner} />}
              <Who name={t.pool.manager} address={terms.manager} note={t.pool.managerMay} />
              <Who name={t.pool.guardian} address={terms.guardian} note={t.pool.guardianMay} />
              <Who name={t.pool.feeAccount} address={terms.fee_account} note={t.pool.feeAccountGets} />
            </dl>
            <h3>{t.pool.limits}</h3>
            <dl className="facts">
              <dt>{t.pool.unbonding}</dt>
              <dd>{formatDuration(terms.unbonding_seconds)}</dd>
              <dt>{t.pool.feeDelay}</dt>
              <dd>{formatDuration(terms.fee_delay_seconds)}</dd>
              <dt>{t.pool.maxNodes}</dt>
              <dd>{t.pool.nodesOf(terms.live_nodes, terms.max_nodes)}</dd>
              <dt>{t.pool.maxCapacity}</dt>
              <dd>
                <Amount value={terms.max_capacity} places={0} />
              </dd>
              <dt>{t.pool.dayCap}</dt>
              <dd>{t.pool.dayCapValue}</dd>
            </dl>
          </>
        )}
      </Loaded>
    </Section>
  );
}

function Who({ name, address, note }: { name: string; address: string; note?: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        {NOBODY.test(address) ? t.pool.nobody : <Address value={address} />}
        {note && <span className="note quiet">{note}</span>}
      </dd>
    </>
  );
}

/** Whether these figures were compared with the contracts, and agreed. */
function Checks({ pool }: { pool: Pool }) {
  const { checks, differences, agreed } = pool.checked;
  const now = useNow();
  const [open, setOpen] = useState(false);
  return (
    <p className="quiet">
      {agreed ? t.pool.checked(formatCount(checks), formatCount(differences), formatAge(secondsSince(agreed.time, now))) : t.pool.unchecked}{" "}
      <button type="button" className="linkish" aria-expanded={open} onClick={() => setOpen(!open)}>
        {t.pool.how}
      </button>
      {open && <span className="block">{t.pool.howText}</span>}
    </p>
  );
}
