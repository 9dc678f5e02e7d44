"""Who was rejected, read from the chain."""

from linkpool.chain.rpc import Rpc
from linkpool.chain.types import parse_logs
from linkpool.contracts import events
from linkpool.contracts.oracle import Rejected


async def rejections(rpc: Rpc, oracle: str) -> dict[bytes, int]:
    """Reasons of all rejections of one oracle contract, by request id."""
    asked = {"address": oracle, "fromBlock": "0x0"}
    told = map(events.decode, parse_logs(await rpc.call("eth_getLogs", asked)))
    return {event.request_id: event.reason for event in told if isinstance(event, Rejected)}
