"""Where wallets put themselves on the waiting list, and off it. Any control plane takes them, leading or not.

It costs a wallet no transaction, so it is bounded: a row for each wallet, a cap on all, at least 1 LINK
that is really there, an end within ninety days, and one nonce after the other.
"""

from dataclasses import dataclass

from linkpool.chain.rpc import Rpc
from linkpool.chain.types import checksum
from linkpool.contracts.link import Link
from linkpool.errors import Permanent
from linkpool.fleet.clock import Clock
from linkpool.fleet.pool import PoolFacts
from linkpool.fleet.waiting.statement import Domain, check
from linkpool.store import events, waiting
from linkpool.store.database import Database
from linkpool.store.scaling_tables import WaitingRow
from linkpool.units import Juels, link, show
from linkpool.wire.waiting import Statement

MINIMUM = link(1)
"""The smallest stake that the pool takes."""
LONGEST = 90 * 86_400
"""Seconds from now until a statement must end."""
MOST = 10_000
"""Wallets that the list remembers."""


class NotTaken(Permanent):
    """The statement is not taken; the text says why."""


class NotWaiting(Permanent):
    """The wallet is not on the list."""


@dataclass(frozen=True)
class WaitingDesk:
    """Takes statements for one pool."""

    database: Database
    rpc: Rpc
    facts: PoolFacts
    clock: Clock

    @property
    def domain(self) -> Domain:
        """What statements are signed under."""
        return Domain(self.facts.chain_id, self.facts.pool)

    async def come(self, said: Statement) -> WaitingRow:
        """Put a wallet on the list, in place of what it said before.

        Raises NotTaken, BadSignature, EndpointTrouble, StoreUnreachable.
        """
        if int(said.amount) < MINIMUM:
            raise NotTaken(f"the smallest stake is {show(MINIMUM)} LINK")
        now = self._in_time(said)
        await check(said, self.domain, self.rpc)
        balance = await held(self.rpc, self.facts.link, checksum(said.wallet))
        if balance < MINIMUM:
            raise NotTaken(
                f"{said.wallet} has {show(balance)} LINK; the smallest stake is {show(MINIMUM)} LINK"
            )
        return await self._write(said, min(balance, int(said.amount)), now)

    async def leave(self, said: Statement) -> None:
        """Take a wallet off the list. Raises as `come` does, and NotWaiting."""
        if int(said.amount) != 0:
            raise NotTaken("the wish to leave is a statement of amount 0")
        now = self._in_time(said)
        async with self.database.read() as session:
            row = await waiting.get(session, checksum(said.wallet))
        if row is None or row.amount == 0:
            raise NotWaiting(f"{said.wallet} is not on the waiting list")
        await check(said, self.domain, self.rpc)
        await self._write(said, 0, now)

    def _in_time(self, said: Statement) -> float:
        now = self.clock.now()
        if not now < said.deadline <= now + LONGEST:
            raise NotTaken(f"the deadline must be in the future, and within {LONGEST // 86_400} days")
        return now

    async def _write(self, said: Statement, counted: int, now: float) -> WaitingRow:
        wallet = checksum(said.wallet)
        async with self.database.write() as session:
            before = await waiting.get(session, wallet, for_update=True)
            if before is not None and int(said.nonce) <= before.nonce:
                raise NotTaken(f"the nonce must be above {before.nonce}, which this wallet used before")
            if before is None and await waiting.count(session) >= MOST:
                raise NotTaken(f"the waiting list is full: {MOST} wallets")
            in_place = before is not None and before.amount >= int(said.amount)  # more goes to the end
            row = WaitingRow(
                wallet=wallet,
                amount=int(said.amount),
                counted=counted,
                nonce=int(said.nonce),
                deadline=said.deadline,
                made_at=before.made_at if before is not None and in_place else now,
                kept_until=now + LONGEST,
                checked_at=now,
                room_since=None,
            )
            await waiting.put(session, row)
            kind = "waiting_came" if counted else "waiting_left"
            events.add(session, kind, None, {"wallet": wallet, "amount": said.amount}, now)
        return row


async def held(rpc: Rpc, token: str, wallet: str) -> Juels:
    """LINK of a wallet. Raises EndpointTrouble."""
    return Juels(await Link(token).balance_of(wallet).ask(rpc))
