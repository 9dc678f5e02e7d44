/** Growing and shrinking by itself: what is seen, what would be done and why, what was done, and the guard. */

import { useState, type ReactNode } from "react";

import { call, type Schemas } from "../api/client";
import { Amount } from "../components/amount";
import { Badge } from "../components/badge";
import type { Tone } from "../components/banner";
import { Figure, Figures } from "../components/figure";
import { Page, Section } from "../components/page";
import { Loaded } from "../components/skeleton";
import { Table, type Column } from "../components/table";
import { c } from "../texts/console";
import { formatAmount } from "../units/amount";
import { formatCount, formatDuration, formatMoment } from "../units/number";
import { GuardSection } from "./guard";
import { WritePolicy } from "./policy";
import { useDecisions, useScaling } from "./queries";
import { meant } from "./session";
import { Wish } from "./wish";
import { Words } from "./words";

type Now = Schemas["ScalingNow"];
type Policy = Schemas["ScalingPolicy"];
type Decision = Schemas["DecisionView"];
type Limit = Schemas["Limit"];

const STATES: Record<string, Tone | "quiet"> = { none: "quiet", running: "info", done: "good", failed: "bad" };

export function ScalingPage() {
  const scaling = useScaling();
  const decisions = useDecisions();
  const [before, setBefore] = useState<Policy | null>(null);
  return (
    <Page title={c.scaling.title} lead={c.scaling.lead}>
      <Loaded of={scaling} lines={6}>
        {(now) => (
          <>
            <NowSection now={now} />
            <div className="halves">
              <PolicySection policy={now.policy} nodes={now.nodes} before={before} keep={setBefore} />
              <GuardSection />
            </div>
          </>
        )}
      </Loaded>
      <Section title={c.scaling.decisions}>
        <Loaded of={decisions}>
          {(found) => (
            <Table
              caption={c.scaling.decisions}
              rows={found.decisions}
              id={({ number }) => String(number)}
              columns={DECISIONS}
              empty={c.scaling.none}
            />
          )}
        </Loaded>
      </Section>
    </Page>
  );
}

function NowSection({ now }: { now: Now }) {
  const would = c.scaling.would[now.action] ?? now.action;
  return (
    <Section title={c.scaling.now} aside={<Badge tone={now.on ? "good" : "quiet"}>{now.on ? c.scaling.on : c.scaling.off}</Badge>}>
      <div>
        <p>
          <strong>
            {would}
            {now.action === "up" ? ` ${c.scaling.upBy(now.count)}` : ""}
          </strong>
        </p>
        <Reasons reasons={now.reasons} />
      </div>
      <Figures>
        <Figure name={c.scaling.nodes} value={formatCount(now.nodes)} note={c.scaling.coming(now.coming)} />
        <Figure name={c.scaling.capacity} value={<Amount value={now.capacity} places={0} />} />
        <Figure name={c.scaling.wanted} value={<Amount value={now.wanted} places={0} />} note={c.scaling.wantedNote} />
        <Figure
          name={c.scaling.demand}
          value={<Amount value={now.demand.stake} places={0} />}
          note={c.scaling.waiting(formatAmount(BigInt(now.demand.waiting), 0))}
        />
        <Figure
          name={c.scaling.load}
          value={c.scaling.loadValue(now.demand.load.toFixed(2))}
          note={c.scaling.samples(now.demand.samples, now.demand.enough)}
        />
      </Figures>
      {now.limits.length > 0 && <Table caption={c.scaling.limits} titled rows={now.limits} id={({ name }) => name} columns={LIMITS} />}
    </Section>
  );
}

function Reasons({ reasons }: { reasons: readonly string[] }) {
  return (
    <ul className="reasons">
      {reasons.map((reason) => (
        <li key={reason}>
          <Words of={reason} />
        </li>
      ))}
    </ul>
  );
}

const LIMITS: Column<Limit>[] = [
  { key: "name", title: c.scaling.limit, head: true, cell: ({ name }) => c.scaling.rules[name] ?? name.replaceAll("_", " ") },
  { key: "allows", title: c.scaling.allows, numeric: true, cell: ({ allows }) => formatCount(allows) },
  { key: "why", title: c.scaling.why, cell: ({ why }) => why },
];

const DECISIONS: Column<Decision>[] = [
  { key: "when", title: c.scaling.when, cell: ({ at }) => formatMoment(at) },
  {
    key: "what",
    title: c.scaling.what,
    head: true,
    cell: ({ action, count }) => `${c.scaling.actions[action] ?? action}${count ? ` ${c.scaling.upBy(count)}` : ""}`,
  },
  { key: "why", title: c.scaling.why, cell: ({ reasons }) => <Reasons reasons={reasons} /> },
  {
    key: "state",
    title: c.scaling.outcome,
    cell: ({ state, operations }) =>
      state === "none" ? (
        c.scaling.states.none
      ) : (
        <>
          <Badge tone={STATES[state] ?? "quiet"}>{c.scaling.states[state] ?? state}</Badge>
          {operations.map((operation) => (
            <span key={operation.id} className="block quiet">
              {operation.detail}
            </span>
          ))}
        </>
      ),
  },
];

interface PolicyProps {
  policy: Policy | null;
  nodes: number;
  /** The one that was turned off here. */
  before: Policy | null;
  keep: (policy: Policy) => void;
}

function PolicySection({ policy, nodes, before, keep }: PolicyProps) {
  async function put(wanted: Policy | null) {
    await call("put", "/api/v1/scaling/policy", { body: { policy: wanted }, headers: meant() });
  }
  async function turnOff() {
    if (policy) keep(policy);
    await put(null);
  }
  return (
    <Section
      title={c.scaling.policy}
      aside={
        <span className="row">
          <WritePolicy policy={policy} nodes={nodes} put={put} />
          {policy && (
            <Wish small danger label={c.scaling.turnOff} title={c.scaling.offTitle} words={c.scaling.offWords} press={c.scaling.turnOff} act={turnOff} />
          )}
          {!policy && before && (
            <Wish small label={c.scaling.turnOn} title={c.scaling.onTitle} words={c.scaling.onWords} press={c.scaling.turnOn} act={() => put(before)} />
          )}
        </span>
      }
    >
      {policy ? <Rules policy={policy} /> : <p className="quiet">{c.scaling.noPolicy}</p>}
    </Section>
  );
}

function Rules({ policy }: { policy: Policy }) {
  const rules: [string, ReactNode][] = [
    ["floor", formatCount(policy.floor)],
    ["ceiling", formatCount(policy.ceiling)],
    ["stake_room", <Amount key="a" value={policy.stake_room} places={0} />],
    ["ahead_hours", String(policy.ahead_hours)],
    ["load", policy.load == null ? c.scaling.noLoad : c.scaling.loadValue(String(policy.load))],
    ["per_hour", formatCount(policy.per_hour)],
    ["per_day", formatCount(policy.per_day)],
    ["budget_per_day", <Amount key="b" value={policy.budget_per_day} unit="coin" />],
    ["budget_per_month", policy.budget_per_month ?? c.scaling.noLoad],
    ["window_seconds", formatDuration(policy.window_seconds)],
    ["rest_up_seconds", formatDuration(policy.rest_up_seconds)],
    ["rest_down_seconds", formatDuration(policy.rest_down_seconds)],
    ["slack", <Amount key="c" value={policy.slack} places={0} />],
    ["drain_staked", policy.drain_staked ? c.scaling.yes : c.scaling.no],
  ];
  return (
    <dl className="facts">
      {rules.map(([rule, value]) => (
        <div key={rule} className="fact">
          <dt>{c.scaling.rules[rule]}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
