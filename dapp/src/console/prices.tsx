/** The price table: what is in force, and setting another. */

import { useState } from "react";

import { call, type Schemas } from "../api/client";
import { c } from "../texts/console";
import { formatMoment } from "../units/number";
import { Entry } from "./entry";
import { CALLS, COSTS, drafted, nameField, newEngine, newFixed, wanted, type Draft, type EngineDraft, type FixedDraft } from "./prices-draft";
import { Section } from "../components/page";
import { Loaded } from "../components/skeleton";
import { usePrices } from "./queries";
import { meant } from "./session";
import { Wish } from "./wish";

type Table = Schemas["PriceTable"];

export function Prices() {
  const prices = usePrices();
  return (
    <Section title={c.money.prices} aside={prices.data && <SetPrices table={prices.data.prices} />}>
      <Loaded of={prices}>
        {({ prices: table, set_at }) =>
          set_at === null ? <p className="quiet">{c.money.free}</p> : <InForce table={table} since={set_at} />
        }
      </Loaded>
    </Section>
  );
}

function InForce({ table, since }: { table: Table; since: string }) {
  return (
    <>
      <p className="quiet">{c.money.setAt(formatMoment(since), table.currency)}</p>
      <dl className="facts">
        {Object.entries(table.engines ?? {}).map(([name, engine]) => (
          <div key={name} className="fact">
            <dt>{name}</dt>
            <dd>{COSTS.filter((cost) => Number(engine[cost]) !== 0).map((cost) => `${c.prices.costs[cost]}: ${String(engine[cost])}`).join(" · ") || c.prices.nothing}</dd>
          </div>
        ))}
        <div className="fact">
          <dt>{c.money.calls}</dt>
          <dd>{table.rpc.million_calls}</dd>
        </div>
        {Object.entries(table.fixed ?? {}).map(([name, cost]) => (
          <div key={name} className="fact">
            <dt>{c.money.fixed(name)}</dt>
            <dd>{cost}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function SetPrices({ table }: { table: Table }) {
  const [draft, setDraft] = useState(() => drafted(table));
  const change = (part: Partial<Draft>) => setDraft({ ...draft, ...part });
  return (
    <Wish
      small
      wide
      label={c.prices.set}
      title={c.prices.title}
      words={c.prices.words}
      press={c.prices.press}
      opening={() => setDraft(drafted(table))}
      act={async () => call("put", "/api/v1/treasury/prices", { body: wanted(draft), headers: meant() })}
    >
      <Entry field="currency" className="short" label={c.prices.currency} value={draft.currency} change={(currency) => change({ currency })} shape={c.prices.currencyShape} />
      <fieldset className="group-of">
        <legend>{c.prices.engines}</legend>
        {draft.engines.map((row) => (
          <OneEngine
            key={row.id}
            row={row}
            set={(next) => change({ engines: draft.engines.map((each) => (each.id === row.id ? next : each)) })}
            drop={() => change({ engines: draft.engines.filter((each) => each.id !== row.id) })}
          />
        ))}
        <Add label={c.prices.addEngine} press={() => change({ engines: [...draft.engines, newEngine()] })} />
      </fieldset>
      <fieldset className="group-of">
        <legend>{c.prices.rpc}</legend>
        <div className="pairs">
          {CALLS.map((key) => (
            <Entry
              key={key}
              field={`rpc.${key}`}
              kind="number"
              label={c.prices.calls[key]}
              value={draft.rpc[key]}
              change={(value) => change({ rpc: { ...draft.rpc, [key]: value } })}
              {...(key === "million_calls" ? { shape: c.prices.moneyShape } : {})}
            />
          ))}
        </div>
      </fieldset>
      <fieldset className="group-of">
        <legend>{c.prices.fixed}</legend>
        {draft.fixed.map((row) => (
          <OneFixed
            key={row.id}
            row={row}
            set={(next) => change({ fixed: draft.fixed.map((each) => (each.id === row.id ? next : each)) })}
            drop={() => change({ fixed: draft.fixed.filter((each) => each.id !== row.id) })}
          />
        ))}
        <Add label={c.prices.addFixed} press={() => change({ fixed: [...draft.fixed, newFixed()] })} />
      </fieldset>
    </Wish>
  );
}

function Add({ label, press }: { label: string; press: () => void }) {
  return (
    <div>
      <button type="button" className="button small" onClick={press}>
        {label}
      </button>
    </div>
  );
}

function Drop({ name, press }: { name: string; press: () => void }) {
  return (
    <button type="button" className="button small" onClick={press}>
      {c.prices.drop}
      <span className="unseen"> {name}</span>
    </button>
  );
}

function OneEngine({ row, set, drop }: { row: EngineDraft; set: (row: EngineDraft) => void; drop: () => void }) {
  return (
    <div className="item">
      <div className="pairs">
        <Entry field={nameField("engines", row)} label={c.prices.name} value={row.name} change={(name) => set({ ...row, name })} hint={c.prices.engineHint} />
        {COSTS.map((cost) => (
          <Entry
            key={cost}
            field={`engines.${row.name.trim()}.${cost}`}
            kind="number"
            label={c.prices.costs[cost]}
            value={row[cost]}
            change={(value) => set({ ...row, [cost]: value })}
            {...(cost === "machines" || cost === "gb_per_replica_month" ? {} : { shape: c.prices.moneyShape })}
          />
        ))}
      </div>
      <Drop name={row.name} press={drop} />
    </div>
  );
}

function OneFixed({ row, set, drop }: { row: FixedDraft; set: (row: FixedDraft) => void; drop: () => void }) {
  return (
    <div className="item">
      <div className="pairs">
        <Entry field={nameField("fixed", row)} label={c.prices.what} value={row.name} change={(name) => set({ ...row, name })} />
        <Entry field={`fixed.${row.name.trim()}`} kind="number" label={c.prices.month} value={row.cost} change={(cost) => set({ ...row, cost })} shape={c.prices.moneyShape} />
      </div>
      <Drop name={row.name} press={drop} />
    </div>
  );
}
