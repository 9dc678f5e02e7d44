/** What a person must look at, and what to do about it; on top of everything. */

import { Link } from "wouter";

import type { Schemas } from "../api/client";
import { shortened } from "../components/address";
import { Banner } from "../components/banner";
import { useNow } from "../live/clock";
import { c } from "../texts/console";
import { formatAge, secondsSince } from "../units/number";
import { useAlarms } from "./queries";

type Alarm = Schemas["AlarmView"];

const WHERE: Record<string, string> = {
  rollout: "/console/upgrades",
  scaling_held: "/console/scaling",
  scaling_failed: "/console/scaling",
  guard_blocks: "/console/scaling",
  treasury_low: "/console/money",
  offers_held: "/console/money",
  gas_limit: "/console/money",
  slot_frozen: "/console/money",
  node_without_gas: "/console/money",
  fee_below_costs: "/console/money",
  catalog_behind: "/console/catalog",
  adapter_unwell: "/console/catalog",
  adapter_kept_old: "/console/catalog",
};
const NAMES: Record<string, string> = {
  "/console/upgrades": c.nav.upgrades,
  "/console/scaling": c.nav.scaling,
  "/console/money": c.nav.money,
  "/console/catalog": c.nav.catalog,
};

export function Alarms() {
  const alarms = useAlarms().data?.alarms;
  if (!alarms) return null;
  const sorted = [...alarms].sort((a, b) => Number(b.severity === "critical") - Number(a.severity === "critical"));
  return (
    <section aria-label={c.alarms.title} className="alarms" aria-live="polite">
      {alarms.length === 0 && <p className="quiet">{c.alarms.none}</p>}
      {sorted.map((alarm) => (
        <One key={`${alarm.kind} ${alarm.subject}`} alarm={alarm} />
      ))}
    </section>
  );
}

function One({ alarm }: { alarm: Alarm }) {
  const now = useNow();
  const advice = c.alarms.advice[alarm.kind];
  const where = WHERE[alarm.kind];
  const subject = alarm.subject.startsWith("0x") ? shortened(alarm.subject) : alarm.subject;
  return (
    <Banner tone={alarm.severity === "critical" ? "bad" : "warn"}>
      <p>
        <strong>
          {c.alarms.severity[alarm.severity] ?? alarm.severity}: {c.alarms.kinds[alarm.kind] ?? alarm.kind}
        </strong>{" "}
        ({subject}, {c.alarms.since(formatAge(secondsSince(alarm.since, now)))})
      </p>
      <p>{alarm.detail}</p>
      {advice && (
        <p>
          {c.alarms.todo} {advice} {where && <Link href={where}>{NAMES[where]}</Link>}
        </p>
      )}
    </Banner>
  );
}
