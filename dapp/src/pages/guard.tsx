/** The pool's share of the network, with the marks that block and free its growth. */

import type { Schemas } from "../api/client";
import { Badge } from "../components/badge";
import { Banner, type Tone } from "../components/banner";
import { Section } from "../components/page";
import { useNow } from "../live/clock";
import { t } from "../texts";
import { formatAge, formatCount, formatPercent, secondsSince } from "../units/number";

type PublicGuard = Schemas["PublicGuard"];

const TONES: Record<PublicGuard["state"], Tone | "quiet"> = { off: "quiet", open: "good", blocked: "warn", overridden: "info" };

export function Guard({ guard }: { guard: PublicGuard }) {
  const now = useNow();
  return (
    <Section title={t.guard.title} aside={<Badge tone={TONES[guard.state]}>{t.guard.states[guard.state]}</Badge>}>
      <p className="quiet">{t.guard.lead}</p>
      {guard.share !== null && guard.upper !== null && guard.lower !== null && (
        <Marks share={guard.share} upper={guard.upper} lower={guard.lower} />
      )}
      {guard.state === "open" && guard.nodes !== null && (
        <p>{t.guard.count(formatCount(guard.ours), formatCount(guard.nodes))}</p>
      )}
      {guard.state === "blocked" && (
        <Banner tone="warn">
          <p>{guard.why}</p>
          {guard.lower !== null && <p>{t.guard.lifts(formatPercent(guard.lower, 1))}</p>}
        </Banner>
      )}
      {guard.state === "overridden" && <p className="quiet">{guard.why}</p>}
      {guard.state === "off" && <p className="quiet">{t.guard.off}</p>}
      {guard.read_at && <p className="quiet">{t.guard.read(formatAge(secondsSince(guard.read_at, now)))}</p>}
    </Section>
  );
}

function Marks({ share, upper, lower }: { share: number; upper: number; lower: number }) {
  const top = Math.max(share, upper) * 1.25;
  const at = (value: number) => `${String((value / top) * 100)}%`;
  const label = t.guard.meter(formatPercent(share), formatPercent(lower, 1), formatPercent(upper, 1));
  return (
    <div className="marks">
      <p className="big">{formatPercent(share)}</p>
      <div role="img" aria-label={label} className="track">
        <span className={share > upper ? "share over" : "share"} style={{ inlineSize: at(share) }} />
        <span className="at" style={{ insetInlineStart: at(lower) }} />
        <span className="at" style={{ insetInlineStart: at(upper) }} />
      </div>
      <div className="names" aria-hidden="true">
        <span style={{ insetInlineStart: at(lower) }}>{t.guard.lower(formatPercent(lower, 0))}</span>
        <span style={{ insetInlineStart: at(upper) }}>{t.guard.upper(formatPercent(upper, 0))}</span>
      </div>
    </div>
  );
}
