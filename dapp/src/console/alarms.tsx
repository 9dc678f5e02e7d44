/** What a person must look at, what it means and what to do about it; on top of everything. */

import { Link } from "wouter";

import type { Schemas } from "../api/client";
import { shortened } from "../components/address";
import { Banner } from "../components/banner";
import { useNow } from "../live/clock";
import { c } from "../texts/console";
import { formatAge, secondsSince } from "../units/number";
import { PLACES } from "./alarm-kinds";
import { Doc } from "./doc";
import { useAlarms } from "./queries";
import { Words } from "./words";

type Alarm = Schemas["AlarmView"];

export function Alarms() {
  const alarms = useAlarms().data?.alarms;
  if (!alarms) return null;
  const sorted = [...alarms].sort((a, b) => Number(b.severity === "critical") - Number(a.severity === "critical"));
  return (
    <section aria-label={c.alarms.up} className="alarms" aria-live="polite">
      {alarms.length === 0 && <p className="quiet">{c.alarms.none}</p>}
      {sorted.map((alarm) => (
        <One key={`${alarm.kind} ${alarm.subject}`} alarm={alarm} />
      ))}
    </section>
  );
}

function One({ alarm }: { alarm: Alarm }) {
  const now = useNow();
  const place = PLACES[alarm.kind];
  const subject = alarm.subject.startsWith("0x") ? shortened(alarm.subject) : alarm.subject;
  return (
    <Banner tone={alarm.severity === "critical" ? "bad" : "warn"}>
      <p>
        <strong>
          {c.alarms.severity[alarm.severity] ?? alarm.severity}: {c.alarms.kinds[alarm.kind] ?? alarm.kind}
        </strong>{" "}
        ({subject}, {c.alarms.since(formatAge(secondsSince(alarm.since, now)))})
      </p>
      <p>
        <Words of={alarm.detail} />
      </p>
      <p>
        {c.alarms.todo} <Words of={c.alarms.advice[alarm.kind] ?? c.alarms.unknown} />{" "}
        {place && (
          <>
            <Link href={place.page}>{c.alarms.pages[place.page]}</Link> · <Doc path={place.doc} />
          </>
        )}
      </p>
    </Banner>
  );
}
