/** Counts, shares and times, as people read them. */

import { t } from "../texts";
import { group } from "./amount";

export function formatCount(count: number): string {
  return group(String(Math.trunc(count)));
}

/** 0.0512 -> 5.12 %. */
export function formatPercent(part: number, places = 2): string {
  return `${(part * 100).toFixed(places)}\u202f%`;
}

/** Like a percentage, but never rounded up to a perfect one: 0.99999 is not 100 %. */
export function formatUptime(part: number): string {
  if (part >= 1) return formatPercent(1, 0);
  return formatPercent(Math.floor(part * 10_000) / 10_000);
}

/** Basis points: 1000 -> 10 %. */
export function formatFee(bps: number): string {
  return `${(bps / 100).toString()}\u202f%`;
}

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/** How long, in the largest unit that fits and the next smaller one: "6 days 4 hours". */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const first = UNITS.findIndex(([, size]) => whole >= size);
  if (first === -1) return t.time.second(0);
  const [name, size] = UNITS[first] ?? UNITS[3];
  const count = Math.floor(whole / size);
  const next = UNITS[first + 1];
  const rest = next ? Math.floor((whole % size) / next[1]) : 0;
  return t.time[name](count) + (next && rest ? ` ${t.time[next[0]](rest)}` : "");
}

/** How long ago, roughly: "12 s", "5 min", "3 h", "40 d". */
export function formatAge(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return t.age.seconds(whole);
  if (whole < 3_600) return t.age.minutes(Math.floor(whole / 60));
  if (whole < 2 * 86_400) return t.age.hours(Math.floor(whole / 3_600));
  return t.age.days(Math.floor(whole / 86_400));
}

/** A point in time in the reader's own zone. */
export function formatMoment(iso: string): string {
  return new Intl.DateTimeFormat(t.locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}

/** A day; buckets are cut in UTC. */
export function formatDay(iso: string): string {
  return new Intl.DateTimeFormat(t.locale, { day: "numeric", month: "short", timeZone: "UTC" }).format(
    new Date(iso),
  );
}

/** An hour of a day in UTC. */
export function formatHour(iso: string): string {
  return new Intl.DateTimeFormat(t.locale, {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZone: "UTC",
  }).format(new Date(iso));
}

export function secondsSince(iso: string, now: number): number {
  return (now - Date.parse(iso)) / 1000;
}
