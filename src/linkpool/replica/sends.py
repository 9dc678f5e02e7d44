"""The `ethtx` of a job that no request asked for: sent by this replica's own stream, as it stands."""

from collections.abc import Callable

from linkpool.chain.clock import ChainClock
from linkpool.chain.intent import Intent, Mined
from linkpool.chain.stream import TxStream
from linkpool.jobs.errors import Cause, TaskPermanent, TaskTemporary
from linkpool.jobs.services import EthTx
from linkpool.replica.heads import Heads
from linkpool.units import Wei

GAS = 500_000
"""Gas limit where neither task nor job gives one (the Go node's default)."""

SEND_SECONDS = 60.0


class Sends:
    """Sends whole transactions. `max_fee` says what one may pay per gas now."""

    def __init__(self, stream: TxStream, clock: ChainClock, heads: Heads, max_fee: Callable[[], Wei]) -> None:
        self._stream, self._clock, self._heads, self._max_fee = stream, clock, heads, max_fee

    async def send(self, transaction: EthTx) -> str:
        """Return its hash, 0x-hex, when it is as deep in the chain as the task wants.

        Raises TaskTemporary when it was not mined, TaskPermanent when it reverted and the task minds.
        """
        outcome = await self._stream.submit(
            Intent(
                to=transaction.to,
                data=transaction.data,
                gas_limit=transaction.gas_limit or GAS,
                max_fee=lambda _now: self._max_fee(),
                wanted=lambda: True,
                deadline=self._clock.now() + SEND_SECONDS,
                label="job",
            )
        )
        if not isinstance(outcome, Mined):
            raise TaskTemporary(f"transaction dropped: {outcome}", Cause.OURS, transaction.task)
        if not outcome.succeeded and transaction.fail_on_revert:
            raise TaskPermanent(f"0x{outcome.tx_hash.hex()} reverted", Cause.OURS, transaction.task)
        await self._heads.reach(outcome.block + max((transaction.min_confirmations or 1) - 1, 0))
        return f"0x{outcome.tx_hash.hex()}"
