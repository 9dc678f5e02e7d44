"""The balances of many addresses at one block, in one call.

A call that creates a contract returns what its initialisation returns, and nothing is kept. Here that is a
loop of 50 bytes over the addresses that follow it in the code. So looking at a whole fleet costs a provider
one call, and all balances are of the same block. Where a node does not answer such a call, each is asked for.
"""

from collections.abc import Sequence

from linkpool.chain.rpc import Refusal, Rpc
from linkpool.chain.types import quantity, unhex
from linkpool.units import Wei

AT_ONCE = 300
"""Balances in one call: far below the size a contract may have (EIP-170) and the gas a call may take."""

_END, _BASE = 0x2B, 0x32
_BEFORE_COUNT, _AFTER_COUNT = (
    bytes.fromhex("60005b8061"),
    bytes.fromhex(
        f"1460{_END:02x}57"  # until i is the count:
        f"60148160140260{_BASE:02x}018260051b600c0139"  # address i, right-aligned, to memory word i
        "8060051b80513190526001016002565b"  # its balance in the same place; next
        "60051b6000f3"  # return that many words
    ),
)


def program(addresses: Sequence[str]) -> bytes:
    """Code that returns their balances, 32 bytes each."""
    tail = b"".join(unhex(address) for address in addresses)
    return _BEFORE_COUNT + len(addresses).to_bytes(2) + _AFTER_COUNT + tail


async def balances(rpc: Rpc, addresses: Sequence[str], block: int) -> dict[str, Wei]:
    """Wei of each address after that block. Raises EndpointTrouble, Refusal."""
    found: dict[str, Wei] = {}
    for start in range(0, len(addresses), AT_ONCE):
        part = addresses[start : start + AT_ONCE]
        found |= dict(zip(part, await _read(rpc, part, hex(block)), strict=True))
    return found


async def _read(rpc: Rpc, addresses: Sequence[str], tag: str) -> list[Wei]:
    try:
        words = unhex(await rpc.call("eth_call", {"data": f"0x{program(addresses).hex()}"}, tag))
    except Refusal:
        words = b""
    if len(words) == 32 * len(addresses):
        return [Wei(int.from_bytes(words[at : at + 32])) for at in range(0, len(words), 32)]
    results = await rpc.batch([("eth_getBalance", (address, tag)) for address in addresses])
    for result in results:
        if isinstance(result, Refusal):
            raise result
    return [Wei(quantity(result)) for result in results]
