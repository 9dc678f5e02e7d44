"""The control plane's own transactions: signed and stored under the epoch, then sent, so that twice is once.

One outbox per key: the treasury's pays for gas, the manager's does what only the manager may.

Whoever leads sends the stored bytes again until one of a nonce's attempts is in the chain, and watches it
for `FINAL` blocks more. A nonce's attempts differ in fees only, so whatever lands is what was meant.
"""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import structlog

from linkpool.chain.fees import FeeSource, Offer
from linkpool.chain.keys import Key
from linkpool.chain.rpc import AlreadyKnown, NonceTooLow, Rpc, SendRefused
from linkpool.chain.simulate import simulate
from linkpool.chain.types import Head, parse_head, quantity
from linkpool.errors import Temporary
from linkpool.fleet.office import Office
from linkpool.store import outbox
from linkpool.store.tables import OutboxRow
from linkpool.units import Wei

log = structlog.get_logger(__name__)

FINAL = 12
"""Blocks after which a landed transaction is not looked at again."""
RAISE_AFTER = 20.0
"""Seconds after which an attempt that did not land is followed by one with a higher fee."""


class TooDear(Temporary):
    """Gas costs more than the cap; it is tried again later."""


class Outbox:
    """Sends for one key in one term. max_fee: the cap, in wei per gas."""

    def __init__(self, office: Office, rpc: Rpc, key: Key, *, chain_id: int, max_fee: Wei) -> None:
        self._rpc = rpc
        self._office = office
        self._key = key
        self._chain_id = chain_id
        self._max_fee = max_fee
        self._fees = FeeSource(rpc)
        self._sending = asyncio.Lock()
        self._refusals: dict[str, str] = {}
        self._since: dict[str, float] = {}
        """Monotonic second since which this leader waits for an attempt, by hash: wall clocks jump."""
        self._watching = True  # a former leader may have left something under way

    @property
    def address(self) -> str:
        """Who pays."""
        return self._key.address

    @property
    def busy(self) -> bool:
        """Whether something was sent that may still land, or leave the chain again."""
        return self._watching

    async def send(
        self,
        purpose: str,
        to: str,
        *,
        value: int = 0,
        data: str = "0x",
        gas: int = 21_000,
        cap: Wei | None = None,
    ) -> bool:
        """Do this, unless something of that purpose is under way; returns whether it was begun.

        value in wei; cap: wei per gas that this one may pay at most, now and whenever it is raised. A call
        (`data`) is tried first. Raises Reverted with the contract's reason, TooDear, EndpointTrouble,
        StoreUnreachable, LeaseLost.
        """
        most = self._max_fee if cap is None else min(cap, self._max_fee)
        async with self._sending:
            async with self._office.read() as session:
                if purpose in await outbox.open_purposes(session, self.address):
                    return False
                stored = await outbox.last_nonce(session, self.address)
            if data != "0x":
                trial = {"from": self.address, "to": to, "value": hex(value), "data": data, "gas": hex(gas)}
                await simulate(self._rpc, trial)
            mined = quantity(await self._rpc.call("eth_getTransactionCount", self.address, "latest"))
            nonce = mined if stored is None else max(mined, stored + 1)
            head = await self._head()
            offer = (await self._fees.market(head)).first(most)
            if offer is None:
                raise TooDear(f"gas costs more than 70 % of the cap of {most} wei; {purpose} waits")
            row = self._signed(
                purpose, to, value=value, data=data, gas=gas, nonce=nonce, attempt=0, offer=offer
            )
            row.asked_at, row.cap = head.timestamp, str(most)
            await self._store_and_send(row)
            return True

    async def step(self) -> None:
        """Settle what landed, send again what did not. Costs no call while nothing is under way."""
        if not self._watching:
            return
        head = await self._head()
        async with self._office.read() as session:
            rows = await outbox.unsettled(session, self.address, since=head.number - FINAL)
        self._watching = bool(rows)
        self._since = {row.hash: self._since[row.hash] for row in rows if row.hash in self._since}
        if rows:
            mined = quantity(await self._rpc.call("eth_getTransactionCount", self.address, "latest"))
            for nonce, attempts in groupby(rows, key=lambda row: row.nonce):
                await self._settle(nonce, list(attempts), mined, head)

    async def _settle(self, nonce: int, attempts: Sequence[OutboxRow], mined: int, head: Head) -> None:
        calls = [("eth_getTransactionReceipt", (row.hash,)) for row in attempts]
        receipts = [found for found in await self._rpc.batch(calls) if isinstance(found, dict)]
        if receipts:
            block, failed = quantity(receipts[0]["blockNumber"]), quantity(receipts[0]["status"]) == 0
            await self._record(attempts[-1], block=block, failed=failed, gas_paid=gas_paid(receipts[0]))
        elif attempts[-1].block is not None:
            log.warning("a transaction left the chain again", purpose=attempts[-1].purpose, nonce=nonce)
            await self._record(attempts[-1], block=None, failed=False)
        elif nonce < mined:
            log.error("another transaction used the nonce", purpose=attempts[-1].purpose, nonce=nonce)
            await self._record(attempts[-1], block=head.number, failed=True)
        else:
            await self._push(attempts[-1], head)

    async def _record(
        self, row: OutboxRow, *, block: int | None, failed: bool, gas_paid: int | None = None
    ) -> None:
        if (row.block, row.failed) == (block, failed):
            return
        async with self._office.lead() as session:
            await outbox.settle(
                session, self.address, row.nonce, block=block, failed=failed, gas_paid=gas_paid
            )
        kind = (
            "transaction_open" if block is None else "transaction_failed" if failed else "transaction_landed"
        )
        self._office.journal.note(kind, None, purpose=row.purpose, hash=row.hash, block=block)

    async def _push(self, row: OutboxRow, head: Head) -> None:
        """Send the newest attempt again, or one that offers more when it has waited long."""
        now = self._office.clock.monotonic()
        if now - self._since.setdefault(row.hash, now) >= RAISE_AFTER:
            old = Offer(Wei(int(row.max_fee)), None if row.tip is None else Wei(int(row.tip)))
            most = self._max_fee if row.cap is None else min(Wei(int(row.cap)), self._max_fee)
            offer = (await self._fees.market(head)).raised(old, most)
            if offer is not None:
                await self._store_and_send(self._again(row, offer))
                return
        await self._broadcast(row)

    async def _store_and_send(self, row: OutboxRow) -> None:
        async with self._office.lead() as session:
            session.add(row)
        self._watching = True
        self._since[row.hash] = self._office.clock.monotonic()
        await self._broadcast(row)

    async def _broadcast(self, row: OutboxRow) -> None:
        if not self._office.term.runs:
            return
        try:
            await self._rpc.call("eth_sendRawTransaction", row.raw)
        except (AlreadyKnown, NonceTooLow):
            return
        except SendRefused as error:
            if self._refusals.get(row.purpose) != str(error):  # said once, though it is tried again and again
                self._refusals[row.purpose] = str(error)
                log.warning("transaction not taken yet", purpose=row.purpose, error=str(error))
                self._office.journal.note("transaction_refused", None, purpose=row.purpose, reason=str(error))
        else:
            self._refusals.pop(row.purpose, None)

    async def _head(self) -> Head:
        return parse_head(await self._rpc.call("eth_getBlockByNumber", "latest", False))

    def _again(self, row: OutboxRow, offer: Offer) -> OutboxRow:
        again = self._signed(
            row.purpose,
            row.target,
            value=int(row.value),
            data=row.data,
            gas=row.gas,
            nonce=row.nonce,
            attempt=row.attempt + 1,
            offer=offer,
        )
        again.asked_at, again.cap = row.asked_at, row.cap
        return again

    def _signed(
        self,
        purpose: str,
        to: str,
        *,
        value: int,
        data: str,
        gas: int,
        nonce: int,
        attempt: int,
        offer: Offer,
    ) -> OutboxRow:
        transaction = {"to": to, "value": value, "data": data, "gas": gas, "nonce": nonce}
        raw, hash_ = self._key.sign(transaction | offer.fields() | {"chainId": self._chain_id})
        return OutboxRow(
            purpose=purpose,
            sender=self.address,
            nonce=nonce,
            attempt=attempt,
            target=to,
            value=str(value),
            data=data,
            gas=gas,
            max_fee=str(offer.max_fee),
            tip=None if offer.tip is None else str(offer.tip),
            raw=f"0x{raw.hex()}",
            hash=f"0x{hash_.hex()}",
            epoch=self._office.epoch,
            made_at=self._office.clock.now(),
            failed=False,
        )


def gas_paid(receipt: Mapping[str, Any]) -> int:
    """Wei that a transaction paid to be mined: its gas and, on a rollup, its part of the first layer's."""
    price = quantity(receipt.get("effectiveGasPrice", "0x0"))
    return quantity(receipt["gasUsed"]) * price + quantity(receipt.get("l1Fee") or "0x0")
