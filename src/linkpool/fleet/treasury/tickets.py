"""Unstake tickets that are due are pushed through for their owners, within a daily budget."""

import structlog

from linkpool.chain.fees import FeeSource
from linkpool.chain.history import read_head
from linkpool.chain.rpc import Reverted, Rpc
from linkpool.contracts.pool import Pool
from linkpool.fleet.office import Office
from linkpool.fleet.outbox import Outbox, TooDear
from linkpool.fleet.treasury.terms import DAY
from linkpool.store import chain_rows, ledger
from linkpool.units import Wei

log = structlog.get_logger(__name__)

TICKET_GAS = 150_000
"""Gas limit of one `withdraw`."""
AT_ONCE = 8
PURPOSE = "ticket:"


class Tickets:
    """Pays from the treasury. budget: wei of gas in 24 h of chain time."""

    def __init__(self, office: Office, *, rpc: Rpc, outbox: Outbox, pool: str, budget: Wei) -> None:
        self._rpc = rpc
        self._office = office
        self._outbox = outbox
        self._pool = Pool(pool)
        self._budget = budget
        self._fees = FeeSource(rpc)
        self._seen_to: set[int] = set()
        """Pushed or refused in this term: the index may not show it yet."""

    async def step(self) -> None:
        """Push the oldest ones that are due. Raises EndpointTrouble, StoreUnreachable, LeaseLost."""
        async with self._office.read() as session:
            tip = await chain_rows.tip(session)
            due = await chain_rows.due_tickets(session, tip.time, AT_ONCE + len(self._seen_to)) if tip else []
        due = [ticket for ticket in due if ticket.id not in self._seen_to][:AT_ONCE]
        if not due:
            return
        head = await read_head(self._rpc)
        market = await self._fees.market(head)
        most = Wei(2 * market.tip + 3 * (market.base_fee or 0))
        for ticket in due:
            async with self._office.read() as session:
                spent = await ledger.spent_on(session, PURPOSE, head.timestamp - DAY)
            if spent + TICKET_GAS * most > self._budget:
                log.info("tickets wait: the day's budget for them is spent", waiting=len(due))
                return
            await self._push(ticket.id, most)

    async def _push(self, ticket: int, most: Wei) -> None:
        call = self._pool.withdraw(ticket)
        try:
            await self._outbox.send(
                f"{PURPOSE}{ticket}", call.to, data=call.request["data"], gas=TICKET_GAS, cap=most
            )
        except TooDear:
            return
        except Reverted as error:  # its owner was faster, or cannot be paid: not ours to insist on
            log.info("ticket not taken", ticket=str(ticket), error=str(error))
        self._seen_to.add(ticket)
