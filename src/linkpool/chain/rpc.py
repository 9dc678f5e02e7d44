"""What everything above needs of a node's JSON-RPC, and the errors it can end in.

Two families, because they ask for opposite things. `EndpointTrouble` is about the way to the chain: try
another endpoint, or later. `Refusal` is the chain's own answer: another endpoint would say the same.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from linkpool.errors import Permanent, Temporary

Call = tuple[str, tuple[Any, ...]]
"""A method and its parameters, as JSON values."""

Notice = tuple[str, Any]
"""What a subscription brings: its kind (`newHeads`, `logs`) and the JSON object."""


class Rpc(Protocol):
    """A node, or several behind one face."""

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one call, as JSON. Raises EndpointTrouble or Refusal."""
        ...

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Results in order of `calls`, all from one endpoint; a Refusal stands in its place, unraised.

        Raises EndpointTrouble when any call failed for the endpoint's sake.
        """
        ...


class Endpoint(Rpc, Protocol):
    """One node that can be asked, and perhaps speaks by itself."""

    @property
    def name(self) -> str:
        """Scheme, host and port: safe to show, unlike a URL with a provider's key in it."""
        ...

    @property
    def pushes(self) -> bool:
        """It has subscriptions."""
        ...

    def subscribe(self, *params: tuple[Any, ...]) -> AbstractAsyncContextManager[AsyncIterator[Notice]]:
        """Open subscriptions (`("newHeads",)`, `("logs", filter)`); notices come in the endpoint's order.

        The iterator raises EndpointTrouble when the connection is lost; it never ends by itself. Waiting for
        the next notice may be cancelled and done again.
        """
        ...


class EndpointTrouble(Temporary):
    """An endpoint did not do its work: ask another one, or later."""


class Unreachable(EndpointTrouble):
    """No connection, or it was lost."""


class TimedOut(EndpointTrouble):
    """No answer in time."""


class Garbage(EndpointTrouble):
    """An answer that is no JSON-RPC, or not of the shape the method promises."""


class RateLimited(EndpointTrouble):
    """The provider asks for fewer calls."""


class RangeRefused(EndpointTrouble):
    """The range or the result of eth_getLogs is too large for this endpoint: ask for less."""


class Behind(EndpointTrouble):
    """The endpoint does not know a block that others know."""


class Unsupported(EndpointTrouble):
    """The endpoint does not offer this method."""


class WrongChain(EndpointTrouble):
    """Chain id or genesis differ from what they must be."""


class NoEndpoint(EndpointTrouble):
    """Every endpoint failed or is set aside; the text says why, for each."""


class Refusal(Permanent):
    """The node's answer is no. `code` and `data` as in JSON-RPC, `data` 0x-hex or none."""

    def __init__(self, message: str, code: int = 0, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class Reverted(Refusal):
    """A call reverted. `reason` for people, decoded (`chain/simulate.py`)."""

    def __init__(self, reason: str, data: bytes = b"", code: int = 3) -> None:
        super().__init__(f"reverted: {reason}", code, "0x" + data.hex())
        self.reason = reason
        self.revert_data = data


class SendRefused(Refusal):
    """A node did not take a transaction."""


class AlreadyKnown(SendRefused):
    """The same transaction is in the mempool: as good as sent."""


class NonceTooLow(SendRefused):
    """A transaction with this nonce is mined: ours or a foreign one, its receipt tells."""


class NonceTooHigh(SendRefused):
    """The node takes no transaction so far ahead of the mined nonce."""


class Underpriced(SendRefused):
    """Another transaction with this nonce is pending: replacing it must pay more, by a tenth or an eighth."""


class FeeTooLow(SendRefused):
    """Below the base fee, or below what the node takes at all."""


class InsufficientFunds(SendRefused):
    """The sender cannot pay gas limit x fee + value."""


class IntrinsicGas(SendRefused):
    """The gas limit is below what the transaction costs before it runs."""


class GasLimitTooHigh(SendRefused):
    """The gas limit is above that of a block, or of any transaction of this chain."""
