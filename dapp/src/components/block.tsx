/** The block the figures are of, in the corner of every page; alive as long as it is. */

import { useNow } from "../live/clock";
import { behind, usePulse } from "../live/pulse";
import { t } from "../texts";
import { formatAge, formatCount, secondsSince } from "../units/number";

export function BlockSign() {
  const pulse = usePulse();
  const now = useNow();
  if (pulse.block === null || !pulse.time) return null;
  const live = pulse.state === "live" && behind(pulse) <= 3;
  return (
    <span className={live ? "block-sign live" : "block-sign"} title={t.block.title}>
      <span className="dot" aria-hidden="true" />
      <span>{t.block.sign(formatCount(pulse.block))}</span>
      <span className="age">{t.block.age(formatAge(secondsSince(pulse.time, now)))}</span>
    </span>
  );
}
