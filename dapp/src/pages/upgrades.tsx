/** The last times a node's replicas went over to another release, and how it ended. */

import type { Schemas } from "../api/client";
import { Badge } from "../components/badge";
import type { Tone } from "../components/banner";
import { Empty } from "../components/skeleton";
import { useNow } from "../live/clock";
import { t } from "../texts";
import { formatAge, formatDuration, formatMoment, secondsSince } from "../units/number";

type Upgrade = Schemas["PublicUpgrade"];

const TONES: Record<string, Tone> = { done: "good", returning: "warn", returned: "warn" };

export function Upgrades({ upgrades }: { upgrades: readonly Upgrade[] }) {
  const now = useNow();
  return (
    <>
      <h3>{t.upgrades.title}</h3>
      {upgrades.length === 0 && <Empty>{t.upgrades.none}</Empty>}
      <ol className="events">
        {upgrades.map((each) => (
          <li key={each.began_at}>
            <span>
              {t.upgrades.to(each.release)} <Badge tone={TONES[each.state] ?? "info"}>{t.upgrades.states[each.state] ?? each.state}</Badge>{" "}
              {each.ended_at && <span className="quiet">{t.upgrades.took(formatDuration(lasted(each.began_at, each.ended_at)))}</span>}
            </span>
            <time dateTime={each.began_at} title={formatMoment(each.began_at)}>
              {t.ago(formatAge(secondsSince(each.began_at, now)))}
            </time>
          </li>
        ))}
      </ol>
    </>
  );
}

function lasted(from: string, to: string): number {
  return Math.max(1, Math.round((Date.parse(to) - Date.parse(from)) / 1000));
}
