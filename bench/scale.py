"""One call makes a node: how long until anybody can stake on it, one after the other, and ten at once.

Target (design, section 9): at most 3 blocks and 2 s from the call until the node is on the public page and
takes stake. Blocks are 1 s. `over_s` is the time beyond three blocks.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench._pool import Load, percentile, pool, report
from linkpool.api.client import until_serving
from linkpool.chain.types import quantity
from linkpool.wire.history import KnownNodeList

TIMES = 10
TOGETHER = 10
WITHIN = 300.0
BLOCK_SECONDS = 1.0
BLOCKS = 3


@dataclass(frozen=True)
class Made:
    """One call: seconds and blocks until its node took stake."""

    seconds: float
    blocks: int


async def measure() -> Mapping[str, object]:
    """Ten calls one after the other, then ten at once."""
    async with pool() as load:
        single = []
        for _ in range(TIMES):
            made = await _make(load)
            single.append(made)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        together = await asyncio.gather(*(_make(load) for _ in range(TOGETHER)))
        all_stakeable = loop.time() - begin
        await _all_serve(load)
        return {
            **_figures("one", single),
            **_figures("of_ten", together),
            "ten_stakeable_s": round(all_stakeable, 2),
            "ten_serving_s": round(loop.time() - begin, 2),
            "hold_blocks": BLOCKS,
            "hold_over_s": 2.0,
        }


async def _make(load: Load) -> Made:
    """Ask for a node, and look at the page until it takes stake."""
    loop, client = asyncio.get_running_loop(), load.pool.control
    begin, first = loop.time(), await _block(load)
    made = (await client.make_node()).node.id
    async with asyncio.timeout(WITHIN):
        while True:
            shown = KnownNodeList.model_validate(await client.ask("GET", "/public/nodes")).nodes
            if any(node.id == made and node.accepting for node in shown):
                return Made(loop.time() - begin, await _block(load) - first)
            await asyncio.sleep(0.05)


async def _all_serve(load: Load) -> None:
    for node in await load.pool.control.nodes():
        await until_serving(load.pool.control, node.index, WITHIN)


async def _block(load: Load) -> int:
    return quantity(await load.pool.rpc.call("eth_blockNumber"))


def _figures(name: str, made: Sequence[Made]) -> Mapping[str, object]:
    seconds, over = [one.seconds for one in made], [one.seconds - BLOCKS * BLOCK_SECONDS for one in made]
    return {
        f"{name}_stakeable_p50_s": round(percentile(seconds, 0.5) or 0, 2),
        f"{name}_stakeable_max_s": round(max(seconds), 2),
        f"{name}_over_max_s": round(max(over), 2),
        f"{name}_blocks_p50": percentile([one.blocks for one in made], 0.5),
        f"{name}_blocks_max": max(one.blocks for one in made),
    }


def main(arguments: list[str]) -> None:
    """`python -m bench scale`."""
    report("scale", arguments, measure)
