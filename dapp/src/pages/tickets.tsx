/** Stake on its way out: when it is paid, what it is worth, and what it is still exposed to. */

import type { Schemas } from "../api/client";
import { useSend, withdrawWish } from "../chain/send";
import { useSent, type Sent } from "../chain/sent";
import { shortened } from "../components/address";
import { Amount } from "../components/amount";
import { Explain } from "../components/explain";
import { Section } from "../components/page";
import { Table, type Column } from "../components/table";
import { ProblemBanner, Transaction } from "../components/transaction";
import { useConfig } from "../config";
import { useNow } from "../live/clock";
import { t } from "../texts";
import { formatDuration, formatMoment, secondsSince } from "../units/number";

type Ticket = Schemas["UnpaidTicket"];

export function Tickets({ tickets, mine }: { tickets: readonly Ticket[]; mine: boolean }) {
  const config = useConfig();
  const now = useNow();
  const { send, busy, problem } = useSend();
  const sent = useSent().findLast((each: Sent) => each.act === "withdraw");
  if (tickets.length === 0 && !(mine && sent)) return null;
  const withdraw = (ticket: Ticket) =>
    void send(() => withdrawWish(config, BigInt(ticket.ticket), BigInt(ticket.value)));
  return (
    <Section
      title={t.tickets.title}
      aside={
        <Explain what={t.tickets.title}>
          <p>{t.tickets.exposed}</p>
        </Explain>
      }
    >
      {problem && <ProblemBanner problem={problem} />}
      {mine && sent && <Transaction sent={sent} asking={busy} />}
      <Table
        caption={t.tickets.title}
        rows={tickets.filter((ticket) => sent?.state !== "confirmed" || sent.subject !== ticket.ticket)}
        id={(ticket) => ticket.ticket}
        columns={columns(now, mine && !busy ? withdraw : undefined)}
        empty={t.tickets.none}
      />
    </Section>
  );
}

function columns(now: number, withdraw: ((ticket: Ticket) => void) | undefined): Column<Ticket>[] {
  const left = (ticket: Ticket) => -secondsSince(ticket.ready_at, now);
  return [
    {
      key: "node",
      title: t.node.node,
      head: true,
      cell: (ticket) => <span className="mono">{shortened(ticket.node)}</span>,
    },
    {
      key: "value",
      title: t.tickets.value,
      numeric: true,
      cell: (ticket) => <Amount value={ticket.value} />,
      order: (ticket) => BigInt(ticket.value),
    },
    {
      key: "lost",
      title: t.tickets.lost,
      numeric: true,
      cell: (ticket) => <Amount value={BigInt(ticket.value_at_request) - BigInt(ticket.value)} places={4} unit="none" />,
    },
    { key: "asked", title: t.tickets.asked, wide: true, cell: (ticket) => formatMoment(ticket.requested_at) },
    {
      key: "ready",
      title: t.tickets.ready,
      cell: (ticket) =>
        left(ticket) > 0 ? (
          <span title={formatMoment(ticket.ready_at)}>{t.tickets.in(formatDuration(left(ticket)))}</span>
        ) : (
          t.tickets.now
        ),
      order: (ticket) => Date.parse(ticket.ready_at),
    },
    {
      key: "action",
      title: t.position.actions,
      cell: (ticket) => (
        <button
          type="button"
          className="button small"
          disabled={left(ticket) > 0 || !withdraw}
          onClick={() => withdraw?.(ticket)}
        >
          {t.tickets.withdraw}
        </button>
      ),
    },
  ];
}
