"""Gas for who needs it: the manager, the senders of held slots, the first ones of a node about to start.

A balance below the low mark is filled to the high one, the manager's before all others, as far as the daily
limits and the treasury allow. When the treasury cannot go on for long, `hold` says why offers must be closed
now, while every sender can still answer what was asked.
"""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from linkpool.chain.rpc import Refusal, Rpc
from linkpool.errors import Temporary
from linkpool.fleet.alarms import Kind
from linkpool.fleet.office import Office
from linkpool.fleet.outbox import Outbox, TooDear
from linkpool.fleet.treasury.hold import Purse, hold
from linkpool.fleet.treasury.look import Look, Looker
from linkpool.fleet.treasury.terms import Terms
from linkpool.fleet.treasury.watch import Fall, Seen, Watch
from linkpool.store import accounts, alarms, ledger, nodes
from linkpool.store.accounts import GAS
from linkpool.store.alarm_tables import Severity
from linkpool.store.money_tables import AccountRow
from linkpool.units import Wei, show

log = structlog.get_logger(__name__)


class Unfunded(Temporary):
    """Senders below their mark got nothing; the text says why, and what to do."""


class Treasury:
    """Tops up through its outbox, as the leader of `epoch`. `balances`: wei, as seen last."""

    def __init__(
        self, office: Office, *, rpc: Rpc, outbox: Outbox, manager: str, terms: Terms, engine: str
    ) -> None:
        """manager: the address that is filled first; engine: what the ledger books gas under."""
        self._office = office
        self._outbox = outbox
        self._manager = manager
        self._terms = terms
        self._engine = engine
        self._looker = Looker(office, rpc, outbox.address, terms.limits)
        self._watch = Watch(rpc, outbox.address)
        self._one_at_a_time = asyncio.Lock()
        self.balances: dict[str, Wei] = {}
        self.hold: str | None = None
        """Why offers must be closed now; None: they may be open."""

    async def begin(self) -> None:
        """Before anything looks at `hold`: what a former leader held closed stays so until there is enough.

        Raises StoreUnreachable.
        """
        async with self._office.read() as session:
            up = {row.kind: row.detail for row in await alarms.every(session)}
        self.hold = up.get(Kind.OFFERS_HELD)

    async def top_up(self, senders: Sequence[str]) -> bool:
        """Fill those below the low mark, now; true when all of them had enough.

        Raises Unfunded, EndpointTrouble, StoreUnreachable, LeaseLost.
        """
        async with self._one_at_a_time:
            look = await self._looker.at([self._manager, *senders])
            self.balances |= {sender: look.balances[sender] for sender in senders}
            refused = await self._fill(look, senders)
        if refused:
            raise Unfunded("; ".join(dict.fromkeys(refused.values())))
        return all(look.balances[sender] >= self._terms.marks.low for sender in senders)

    async def step(self, held: Sequence[str]) -> list[str]:
        """Look at every account, fill those of held slots, judge what it means; the senders frozen just now.

        Raises EndpointTrouble, StoreUnreachable, LeaseLost.
        """
        async with self._one_at_a_time:
            look = await self._looker.at([self._manager, *held], known_since=self._watch.oldest)
            self.balances.update(look.balances)
            frozen = await self._watch_over(look)
            refused = await self._fill(look, [self._manager, *held], frozen)
            await self._judge(look, held, refused)
        return list(frozen)

    # --- filling -----------------------------------------------------------------------------------

    async def _fill(
        self, look: Look, wanted: Sequence[str], frozen: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Send what can be sent; why not, by address, where it cannot."""
        marks, refused = self._terms.marks, {}
        locked = {**look.frozen, **(frozen or {})}
        needy = [each for each in wanted if look.balances[each] < marks.low and each not in look.on_its_way]
        for address in sorted(needy, key=lambda each: (each != self._manager, look.balances[each])):
            if address in look.revoked:
                continue
            if address in locked:
                refused[address] = f"sender {address} is frozen: {locked[address]}"
                continue
            want = marks.high - look.balances[address]
            room = look.day.room(address, look.siblings(address))
            spare = look.treasury - (0 if address == self._manager else self._managers_need(look))
            amount = min(want, room.wei, spare)
            if amount < min(want, (marks.high - marks.low) // 4):
                refused[address] = (
                    f"the treasury {self._outbox.address} has too little to fill {address}: send coin to it"
                    if spare <= room.wei
                    else f"{address} had its gas for today: {room.limit} in 24 h are reached"
                )
                continue
            why = await self._send(address, Wei(amount))
            if why is None:
                look.day.count(address, amount)
                look.treasury -= amount
            else:
                refused[address] = why
        return refused

    async def _send(self, address: str, amount: Wei) -> str | None:
        try:
            if await self._outbox.send(f"{GAS}{address}", address, value=amount):
                log.info("gas sent", sender=address, amount=show(amount))
        except TooDear as error:
            return str(error)
        return None

    def _managers_need(self, look: Look) -> int:
        """Kept back for the one who closes the offers."""
        return max(self._terms.marks.high - look.balances[self._manager], 0)

    # --- watching ----------------------------------------------------------------------------------

    async def _watch_over(self, look: Look) -> dict[str, str]:
        """Write down what changed, and freeze whose coin went elsewhere; why, by address."""
        self._watch.recall(look.known)
        own = {address: look.balances[address] for address in (self._outbox.address, self._manager)}
        senders = {address: wei for address, wei in look.balances.items() if address not in own}
        try:
            falls = await self._watch.look(look.head, senders, look.landed, look.busy)
        except Refusal as error:  # an endpoint that cannot say is no reason to stop paying
            log.warning("balances could not be compared", error=str(error))
            return {}
        for address, wei in own.items():  # theirs are for people: the outbox knows what they spent
            row = look.known.get(address)
            if row is None or int(row.balance) != wei:
                falls[address] = Fall(Seen(look.head.number, wei, 0))
        if falls:
            await self._write(look, falls)
        frozen = {a: fall.frozen for a, fall in falls.items() if fall.frozen and a not in look.frozen}
        for address, why in frozen.items():
            log.error("sender frozen", sender=address, why=why)
        return frozen

    async def _write(self, look: Look, falls: Mapping[str, Fall]) -> None:
        async with self._office.lead() as session:
            rows = await accounts.these(session, falls)
            for address, fall in falls.items():
                row = rows.get(address)
                if row is None:
                    row = AccountRow(address=address, spent="0")
                    session.add(row)
                row.block, row.balance, row.nonce = fall.now.block, str(fall.now.balance), fall.now.nonce
                row.spent = str(int(row.spent) + fall.gas)
                if fall.gas and address in look.owners:
                    now = look.head.timestamp
                    await ledger.add(session, now, look.owners[address], self._engine, gas=fall.gas)
                if fall.frozen and row.frozen_at is None:
                    await session.flush()
                    await accounts.freeze(session, address, fall.frozen, self._office.clock.now())
                    self._office.journal.note("slot_frozen", None, sender=address, why=fall.frozen)

    # --- judging -----------------------------------------------------------------------------------

    async def _judge(self, look: Look, held: Sequence[str], refused: Mapping[str, str]) -> None:
        purse = self._purse(look, held, refused)
        before, self.hold = self.hold, hold(purse, self.hold is not None)
        if (before is None) != (self.hold is None):
            log.warning("offers", hold=self.hold)
        async with self._office.read() as session:
            known = await accounts.frozen(session)
            ids = {row.index: row.oracle or str(row.index) for row in await nodes.every(session)}
        frozen = {sender: why for sender, why in known.items() if sender not in look.revoked}
        owners = {sender: ids[look.owners[sender]] for sender in frozen if sender in look.owners}
        critical = Severity.CRITICAL
        await self._office.alarms.only(Kind.OFFERS_HELD, {"pool": self.hold} if self.hold else {}, critical)
        await self._office.alarms.only(
            Kind.SLOT_FROZEN, {a: _frozen_text(owners.get(a), a, why) for a, why in frozen.items()}, critical
        )
        await self._office.alarms.only(
            Kind.GAS_LIMIT, {a: why for a, why in refused.items() if a not in frozen}
        )
        starved = {ids[node]: why for node, why in purse.starved.items()}
        await self._office.alarms.only(Kind.NODE_WITHOUT_GAS, starved, critical)
        low = purse.treasury < 3 * purse.floor
        text = (
            f"the treasury {self._outbox.address} has {show(max(purse.treasury, 0))}; send coin to it: "
            f"offers close below {show(purse.floor)}"
        )
        await self._office.alarms.only(Kind.TREASURY_LOW, {"treasury": text} if low else {})

    def _purse(self, look: Look, held: Sequence[str], refused: Mapping[str, str]) -> Purse:
        """What `hold` decides on: the treasury, and the nodes that nobody can fill."""
        by_node: dict[int, list[str]] = {}
        for sender in held:
            if sender in look.owners:
                by_node.setdefault(look.owners[sender], []).append(sender)
        enough = 2 * self._terms.marks.low // 3
        starved = {
            node: refused[senders[0]]
            for node, senders in by_node.items()
            if all(look.balances[each] < enough and each in refused for each in senders)
        }
        return Purse(
            treasury=look.treasury - self._managers_need(look),
            room=look.day.pool_room,
            floor=self._terms.floor(len(held)),
            nodes=len(by_node),
            starved=starved,
        )


def _frozen_text(node: str | None, sender: str, why: str) -> str:
    return (
        f"{why}; somebody else has its key and can answer in the node's name: "
        f"linkpool node revoke {node} {sender} (only if you know that it was you: "
        f"linkpool treasury unfreeze {sender})"
    )
