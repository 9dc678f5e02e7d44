/** What a reader must know before trusting what is below. */

import type { ReactNode } from "react";

import { useNow } from "../live/clock";
import { behind, usePulse } from "../live/pulse";
import { t } from "../texts";
import { formatAge, formatCount, secondsSince } from "../units/number";
import { Icon } from "./address";

export type Tone = "info" | "good" | "warn" | "bad";

interface Props {
  tone: Tone;
  children: ReactNode;
  /** Read out at once, for what just happened. */
  alert?: boolean;
}

export function Banner({ tone, children, alert = false }: Props) {
  return (
    <div className={`banner ${tone}`} role={alert ? "alert" : undefined}>
      <Icon name={tone === "good" ? "check" : "alert"} />
      <div>{children}</div>
    </div>
  );
}

/** Blocks behind that are nothing to speak of: the indexer reads every half block. */
const USUAL = 3;

/** "block N, M behind", or that nothing comes any more. Nothing while all is well. */
export function StaleBanner() {
  const pulse = usePulse();
  const now = useNow();
  const age = pulse.time ? formatAge(secondsSince(pulse.time, now)) : undefined;
  const block = pulse.block === null ? undefined : formatCount(pulse.block);
  const late = behind(pulse);
  if (pulse.state === "lost") {
    return (
      <Banner tone="warn" alert>
        {block && age ? t.stale.lost(block, age) : t.stale.lostUnknown}
      </Banner>
    );
  }
  if (late > USUAL && block && age) {
    return (
      <Banner tone="warn" alert>
        {t.stale.behind(block, formatCount(late), age)}
      </Banner>
    );
  }
  return null;
}

/** The page could not even begin. Uses nothing but texts. */
export function Failed() {
  return (
    <main className="page">
      <Banner tone="bad" alert>
        {t.stale.start}
      </Banner>
    </main>
  );
}
