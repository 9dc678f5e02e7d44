/** The price table as it is typed, in rows that may come and go, and as the API wants it. */

import type { Schemas } from "../api/client";
import { c } from "../texts/console";
import { figure, Reading } from "./typed";

type Table = Schemas["PriceTable"];
type Engine = Schemas["EnginePrices"];

export const COSTS = ["replica_hour", "machine_month", "machines", "gb", "gb_per_replica_month"] as const;
export const CALLS = ["million_calls", "calls_per_replica_hour", "calls_per_request"] as const;
type Cost = (typeof COSTS)[number];
type Call = (typeof CALLS)[number];

export type EngineDraft = { id: string; name: string } & Record<Cost, string>;
export interface FixedDraft {
  id: string;
  name: string;
  cost: string;
}
export interface Draft {
  currency: string;
  engines: readonly EngineDraft[];
  rpc: Record<Call, string>;
  fixed: readonly FixedDraft[];
}

export function newEngine(name = ""): EngineDraft {
  return { id: crypto.randomUUID(), name, replica_hour: "0", machine_month: "0", machines: "0", gb: "0", gb_per_replica_month: "0" };
}

export function newFixed(name = "", cost = ""): FixedDraft {
  return { id: crypto.randomUUID(), name, cost };
}

export function drafted({ currency, engines, rpc, fixed }: Table): Draft {
  return {
    currency,
    engines: Object.entries(engines ?? {}).map(([name, prices]) => ({ ...newEngine(name), ...texts(prices, COSTS) })),
    rpc: { million_calls: "0", calls_per_replica_hour: "0", calls_per_request: "6", ...texts(rpc, CALLS) },
    fixed: Object.entries(fixed ?? {}).map(([name, cost]) => newFixed(name, cost)),
  };
}

function texts<K extends string>(prices: Partial<Record<K, string | number>>, keys: readonly K[]): Partial<Record<K, string>> {
  return Object.fromEntries(keys.flatMap((key) => (prices[key] === undefined ? [] : [[key, String(prices[key])]]))) as Partial<
    Record<K, string>
  >;
}

/** Raises Wrong for names that are none or there twice; the rest is the API's to judge. */
export function wanted(draft: Draft): Table {
  const read = new Reading();
  const engines = named(read, "engines", draft.engines).map(([name, row]) => [name, engine(row)]);
  const fixed = named(read, "fixed", draft.fixed).map(([name, { cost }]) => [name, cost.trim()]);
  const { million_calls, calls_per_replica_hour, calls_per_request } = draft.rpc;
  return read.done({
    currency: draft.currency.trim(),
    engines: Object.fromEntries(engines) as Record<string, Engine>,
    rpc: {
      million_calls: million_calls.trim(),
      calls_per_replica_hour: figure(calls_per_replica_hour),
      calls_per_request: figure(calls_per_request),
    },
    fixed: Object.fromEntries(fixed) as Record<string, string>,
  });
}

/** As the API has it, where a name is no field. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9 _.-]{0,63}$/;

/** Which field of the form the name of a row is: the API knows rows by their names alone. */
export const nameField = (list: "engines" | "fixed", row: { id: string }) => `${list}#${row.id}`;

function named<Row extends { id: string; name: string }>(read: Reading, list: "engines" | "fixed", rows: readonly Row[]): [string, Row][] {
  const seen = new Set<string>();
  return rows.map((row) => {
    const name = row.name.trim();
    if (!NAME.test(name)) read.wrong(nameField(list, row), c.prices.noName);
    else if (seen.has(name)) read.wrong(nameField(list, row), c.prices.twice);
    seen.add(name);
    return [name, row];
  });
}

function engine(row: EngineDraft): Engine {
  return {
    replica_hour: row.replica_hour.trim(),
    machine_month: row.machine_month.trim(),
    machines: figure(row.machines),
    gb: row.gb.trim(),
    gb_per_replica_month: figure(row.gb_per_replica_month),
  };
}
