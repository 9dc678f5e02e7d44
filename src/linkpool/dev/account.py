"""An account of the dev chain: a fresh key, funded by the chain itself, one transaction after the other."""

import asyncio
import secrets
from typing import Any

from linkpool.chain.keys import Key
from linkpool.chain.rpc import Rpc
from linkpool.chain.types import checksum, quantity
from linkpool.contracts.abi import Call
from linkpool.errors import Temporary
from linkpool.units import WHOLE, Wei

GAS = 15_000_000
RECEIPT_SECONDS = 60.0
COINS = Wei(10_000 * WHOLE)


class NotDone(Temporary):
    """A transaction of the demo did not do what it should."""


class Account:
    """Signs and sends; each call returns when its transaction is in a block."""

    def __init__(self, rpc: Rpc, chain_id: int, secret: str | None = None) -> None:
        self._rpc, self._chain_id = rpc, chain_id
        self._key = Key(secret or secrets.token_hex(32))
        self._turn = asyncio.Lock()

    @property
    def address(self) -> str:
        """Checksummed."""
        return self._key.address

    @property
    def key(self) -> Key:
        """For contracts' own deployment."""
        return self._key

    async def fund(self, wei: Wei = COINS) -> None:
        """Have the dev chain set this account's balance."""
        await self._rpc.call("anvil_setBalance", self.address, hex(wei))

    async def send(self, call: Call[Any]) -> dict[str, Any]:
        """Send a contract call; returns its receipt. Raises NotDone when it reverted or was not mined."""
        return await self.transact(call.to, call.data)

    async def deploy(self, code: bytes) -> str:
        """Create a contract; returns its address."""
        return checksum((await self.transact(None, code))["contractAddress"])

    async def transact(self, to: str | None, data: bytes) -> dict[str, Any]:
        """Send and wait. `to` None creates a contract."""
        async with self._turn:
            nonce = quantity(await self._rpc.call("eth_getTransactionCount", self.address, "pending"))
            transaction: dict[str, Any] = {
                "chainId": self._chain_id,
                "nonce": nonce,
                "data": "0x" + data.hex(),
                "value": 0,
                "gas": GAS,
                "maxFeePerGas": 100 * 10**9,
                "maxPriorityFeePerGas": 10**9,
                **({"to": to} if to else {}),
            }
            raw, transaction_hash = self._key.sign(transaction)
            await self._rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
        return await self._receipt("0x" + transaction_hash.hex())

    async def _receipt(self, transaction_hash: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(RECEIPT_SECONDS):
                while (
                    receipt := await self._rpc.call("eth_getTransactionReceipt", transaction_hash)
                ) is None:
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise NotDone(f"{transaction_hash} is in no block after {RECEIPT_SECONDS:.0f} s") from error
        if quantity(receipt["status"]) != 1:
            raise NotDone(f"{transaction_hash}, from {self.address}, reverted")
        return dict(receipt)
