/** Amounts of LINK (juels) and of the chain's coin (wei): both have 18 decimals, and neither is ever a float. */

export const DECIMALS = 18;
export const ONE = 10n ** 18n;

/**
 * An amount as people read it: grouped, rounded toward zero, so that nobody is shown more than there is. What is
 * too small for the places asked for is said to be so.
 */
export function formatAmount(amount: bigint, places = 2): string {
  const sign = amount < 0n ? "-" : "";
  const unit = 10n ** BigInt(DECIMALS - places);
  const scaled = (amount < 0n ? -amount : amount) / unit;
  if (scaled === 0n && amount !== 0n) return `${sign ? "> -" : "< "}${fraction(1n, places)}`;
  return sign + fraction(scaled, places);
}

function fraction(scaled: bigint, places: number): string {
  const digits = scaled.toString().padStart(places + 1, "0");
  const whole = group(digits.slice(0, digits.length - places));
  return places === 0 ? whole : `${whole}.${digits.slice(-places)}`;
}

/** Every digit that matters, no grouping: for files, and for the field of a form. */
export function exactAmount(amount: bigint): string {
  const sign = amount < 0n ? "-" : "";
  const digits = (amount < 0n ? -amount : amount).toString().padStart(DECIMALS + 1, "0");
  const rest = digits.slice(-DECIMALS).replace(/0+$/, "");
  return `${sign}${digits.slice(0, -DECIMALS)}${rest && `.${rest}`}`;
}

/** 1234567 -> 1,234,567. */
export function group(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ",");
}

export type Parsed = { amount: bigint } | { problem: "empty" | "unclear" | "precise" };

/**
 * What somebody typed. Commas only where they group thousands, else it is unclear what was meant; no more places
 * than there are.
 */
export function parseAmount(text: string): Parsed {
  const typed = text.trim();
  if (typed === "") return { problem: "empty" };
  const match = /^(\d+|\d{1,3}(?:,\d{3})+)?(?:\.(\d*))?$/.exec(typed);
  const [, whole = "", rest = ""] = match ?? [];
  if (!match || (whole === "" && rest === "") || whole.length > 40) return { problem: "unclear" };
  if (rest.length > DECIMALS) return { problem: "precise" };
  return { amount: BigInt(whole.replaceAll(",", "") || "0") * ONE + BigInt(rest.padEnd(DECIMALS, "0")) };
}

/** amount * part / whole, rounded up: what a penalty may take is never said smaller than it is. */
export function partUp(amount: bigint, part: bigint, whole: bigint): bigint {
  return (amount * part + whole - 1n) / whole;
}

/** A ratio for a bar or a chart, where a float is good enough. 0 of nothing. */
export function ratio(part: bigint, whole: bigint): number {
  return whole === 0n ? 0 : Number((part * 1_000_000n) / whole) / 1_000_000;
}

/** For charts alone: LINK as a float. */
export function approximate(amount: bigint): number {
  return Number(amount / 10n ** 9n) / 1e9;
}
