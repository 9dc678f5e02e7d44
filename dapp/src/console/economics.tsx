/** Income against cost: over some time, at that pace by the month, by day and by node. */

import { useState } from "react";

import type { Schemas } from "../api/client";
import { shortened } from "../components/address";
import { Amount, None } from "../components/amount";
import { Badge } from "../components/badge";
import { Chart } from "../components/chart";
import { Figure, Figures } from "../components/figure";
import { Section } from "../components/page";
import { Loaded } from "../components/skeleton";
import { Table, type Column } from "../components/table";
import { c } from "../texts/console";
import { formatAmount } from "../units/amount";
import { formatCount, formatDay, formatFee } from "../units/number";
import { useEconomics } from "./queries";

type Books = Schemas["EconomicsView"];
type ByNode = Schemas["NodeAccount"];

const RANGES = [7, 30, 90] as const;
const WHOLE = 10 ** 18;

export function Economics() {
  const [days, setDays] = useState<number>(30);
  const books = useEconomics(days);
  return (
    <Section
      title={c.money.economics}
      aside={
        <fieldset className="choice">
          <legend className="unseen">{c.money.range}</legend>
          {RANGES.map((range) => (
            <label key={range}>
              <input type="radio" name="days" checked={days === range} onChange={() => setDays(range)} />
              <span>{c.money.days[String(range)]}</span>
            </label>
          ))}
        </fieldset>
      }
    >
      <Loaded of={books} lines={5}>
        {(seen) => <Shown books={seen} />}
      </Loaded>
    </Section>
  );
}

function Covered({ covered }: { covered: boolean | null }) {
  if (covered === null) return <Badge tone="quiet">{c.money.covered.unknown}</Badge>;
  return covered ? <Badge tone="good">{c.money.covered.yes}</Badge> : <Badge tone="bad">{c.money.covered.no}</Badge>;
}

function Money({ value, currency }: { value: string | null; currency: string }) {
  if (value === null) return <None why={c.money.covered.unknown} />;
  return (
    <span className="amount" title={value}>
      {Number(value).toFixed(2)}
      <span className="unit"> {currency}</span>
    </span>
  );
}

function Shown({ books }: { books: Books }) {
  const { account, month, break_even: even, currency } = books;
  return (
    <>
      <p className="row">
        <Covered covered={books.covered} />
        <span className="quiet">{c.money.period(books.days.toFixed(1))}</span>
      </p>
      <Figures>
        <Figure name={c.money.fee} value={<Amount value={account.fee_juels} places={3} />} note={<Note value={month.fee} currency={currency} />} />
        <Figure name={c.money.gas} value={<Amount value={account.gas_wei} unit="coin" places={4} />} note={<Note value={month.gas} currency={currency} />} />
        <Figure name={c.money.fleet} value={<Money value={account.fleet} currency={currency} />} note={<Note value={month.fleet} currency={currency} />} />
        <Figure name={c.money.result} value={<Money value={account.result} currency={currency} />} note={<Note value={month.result} currency={currency} />} />
        <Figure
          name={c.money.requests}
          value={formatCount(account.requests)}
          note={c.money.requestsNote(formatCount(account.answered), formatCount(account.missed))}
        />
      </Figures>
      {account.result === null && <p className="quiet">{c.money.noMoney}</p>}
      <p>
        {c.money.even}:{" "}
        {even.stake === null && even.requests_per_day === null && even.fee_bps === null ? c.money.never : evens(even).join(" · ")}
      </p>
      <div className="half">
        <Chart
          title={c.money.chart}
          kind="bars"
          axis={(value) => String(value)}
          points={books.by_day.map((day) => ({
            label: formatDay(day.day),
            value: Number(day.fee_juels) / WHOLE,
            shown: `${formatAmount(BigInt(day.fee_juels), 4)} LINK`,
          }))}
        />
      </div>
      {books.nodes.length > 0 && (
        <Table caption={c.money.byNode} titled rows={books.nodes} id={({ node }) => node} columns={byNode(currency)} />
      )}
    </>
  );
}

function Note({ value, currency }: { value: string | null; currency: string }) {
  if (value === null) return null;
  return (
    <>
      <Money value={value} currency={currency} /> {c.money.month}
    </>
  );
}

function evens(even: Books["break_even"]): string[] {
  return [
    even.stake === null ? null : `${formatAmount(BigInt(even.stake), 0)} LINK ${c.money.evenStake}`,
    even.requests_per_day === null ? null : c.money.evenRequests(formatCount(even.requests_per_day)),
    even.fee_bps === null ? null : c.money.evenFee(formatFee(even.fee_bps)),
  ].filter((each) => each !== null);
}

function byNode(currency: string): Column<ByNode>[] {
  return [
    { key: "node", title: c.money.node, head: true, cell: ({ node }) => <span className="mono">{shortened(node)}</span> },
    { key: "stake", title: c.node.stake, numeric: true, order: ({ stake }) => BigInt(stake), cell: ({ stake }) => <Amount value={stake} places={0} /> },
    { key: "fee", title: c.money.fee, numeric: true, order: ({ account }) => BigInt(account.fee_juels), cell: ({ account }) => <Amount value={account.fee_juels} places={3} /> },
    { key: "gas", title: c.money.gas, numeric: true, order: ({ account }) => BigInt(account.gas_wei), cell: ({ account }) => <Amount value={account.gas_wei} unit="coin" places={4} /> },
    { key: "result", title: c.money.result, numeric: true, cell: ({ account }) => <Money value={account.result} currency={currency} /> },
  ];
}
