"""Where in the chain a moment lies."""

from linkpool.chain.rpc import Behind, Rpc
from linkpool.chain.types import Head, parse_head


async def read_head(rpc: Rpc, block: int | str = "latest") -> Head:
    """The header at a height, or of the tip. Raises Behind when the endpoint does not know it."""
    tag = hex(block) if isinstance(block, int) else block
    answer = await rpc.call("eth_getBlockByNumber", tag, False)
    if answer is None:
        raise Behind(f"block {tag} is unknown to this endpoint")
    return parse_head(answer)


async def block_at(rpc: Rpc, timestamp: float) -> int:
    """The first block whose timestamp is at or after `timestamp` (seconds); the tip if there is none.

    Interpolates where blocks are even and halves where they are not: a handful of calls on any chain.
    Raises EndpointTrouble.
    """
    low, high = await read_head(rpc, 0), await read_head(rpc)
    if low.timestamp >= timestamp:
        return low.number
    if high.timestamp < timestamp:
        return high.number
    halve = False
    while high.number - low.number > 1:  # low is before the moment, high is not
        span = high.number - low.number
        share = (timestamp - low.timestamp) / (high.timestamp - low.timestamp)
        guess = low.number + (span // 2 if halve else round(span * share))
        middle = await read_head(rpc, min(max(guess, low.number + 1), high.number - 1))
        halve = not halve
        if middle.timestamp >= timestamp:
            high = middle
        else:
            low = middle
    return high.number
