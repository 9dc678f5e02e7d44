/** Buckets of a history as the points of a chart: always as many, so that a young node's chart is not one fat bar. */

import type { Bucket } from "../api/queries";
import type { Point } from "../components/chart";
import { t } from "../texts";
import { formatCount, formatDay, formatHour } from "../units/number";

/** How many buckets a chart has. */
export const COUNTS: Record<Bucket, number> = { hour: 24, day: 30 };
const MILLISECONDS: Record<Bucket, number> = { hour: 3_600_000, day: 86_400_000 };

interface Beginning {
  start: string;
}

/** One point per bucket; before the first one there was nothing, which is a gap. */
export function series<B extends Beginning>(
  buckets: readonly B[],
  bucket: Bucket,
  read: (each: B) => Omit<Point, "label">,
): Point[] {
  const when = bucket === "hour" ? formatHour : formatDay;
  const first = buckets[0];
  if (!first) return [];
  const missing = Math.max(0, COUNTS[bucket] - buckets.length);
  const gaps = Array.from({ length: missing }, (_, index) => ({
    label: when(new Date(Date.parse(first.start) - (missing - index) * MILLISECONDS[bucket]).toISOString()),
    value: null,
    shown: t.none,
  }));
  return [...gaps, ...buckets.map((each) => ({ label: when(each.start), ...read(each) }))];
}

/** 25000 -> 25k, for an axis. */
export function short(value: number): string {
  return value >= 10_000 ? `${formatCount(value / 1_000)}k` : String(value);
}
