"""`ethcall` and `estimategaslimit` of jobs, on this replica's own endpoints."""

from typing import Any

from linkpool.chain import rpc as chain
from linkpool.chain.simulate import explain, simulate
from linkpool.chain.types import quantity
from linkpool.jobs.services import EthCall, Reverted


class Calls:
    """What `jobs.services.Services` wants of a chain."""

    def __init__(self, rpc: chain.Rpc) -> None:
        self._rpc = rpc

    async def call(self, wanted: EthCall) -> bytes:
        """eth_call. Raises Reverted, or EndpointTrouble (temporary)."""
        try:
            return await simulate(self._rpc, _transaction(wanted), block=wanted.block)
        except chain.Refusal as refusal:
            raise _reverted(refusal) from refusal

    async def estimate(self, wanted: EthCall) -> int:
        """eth_estimateGas, in gas. Raises as `call`."""
        try:
            gas = await self._rpc.call("eth_estimateGas", _transaction(wanted), wanted.block)
        except chain.Refusal as refusal:
            raise _reverted(refusal) from refusal
        return quantity(gas)


def _transaction(wanted: EthCall) -> dict[str, Any]:
    optional = {
        "from": wanted.sender,
        "gas": wanted.gas,
        "gasPrice": wanted.gas_price,
        "maxPriorityFeePerGas": wanted.tip_cap,
        "maxFeePerGas": wanted.fee_cap,
    }
    given = {key: hex(value) if isinstance(value, int) else value for key, value in optional.items() if value}
    return {"to": wanted.to, "data": "0x" + wanted.data.hex(), **given}


def _reverted(refusal: chain.Refusal) -> Reverted:
    if isinstance(refusal, chain.Reverted):
        return Reverted(
            explain(refusal.revert_data) if refusal.revert_data else refusal.reason, refusal.revert_data
        )
    return Reverted(str(refusal))
