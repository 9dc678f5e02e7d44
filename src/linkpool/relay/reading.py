"""Logs from upstream, as JSON, for blocks that are known by their hashes.

A block at the tip is read by its hash, so its logs are those of this very block or an error. Older blocks are
read by ranges together with the header at their end: the same hash there makes it the same chain.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

from linkpool.chain.ranges import ADDRESSES
from linkpool.chain.rpc import Behind, Call, Endpoint, Garbage, RangeRefused, Refusal
from linkpool.chain.types import hexed, parse_log
from linkpool.relay.blocks import Block, Json

BLOCKS_A_BATCH = 50
BEHIND_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between tries: behind a provider's one face some nodes hear of a block later than others."""


async def read_block_logs(source: Endpoint, blocks: Sequence[Block], addresses: Collection[str]) -> None:
    """Give `blocks` all their logs of these contracts, read by hash. Raises EndpointTrouble."""
    for start in range(0, len(blocks) if addresses else 0, BLOCKS_A_BATCH):
        some = blocks[start : start + BLOCKS_A_BATCH]
        calls: list[Call] = [
            ("eth_getLogs", ({"blockHash": hexed(block.head.hash), "address": part},))
            for block in some
            for part in _parts(addresses)
        ]
        told = await _patiently(source, calls)
        each = len(told) // len(some)
        for place, block in enumerate(some):
            for logs in told[place * each : (place + 1) * each]:
                take_logs(block, _checked(logs, addresses))
    for block in blocks:
        block.covers = block.covers.union(addresses)


async def read_range_logs(source: Endpoint, low: int, high: int, addresses: Collection[str]) -> list[Json]:
    """Logs of these contracts in blocks `low`..`high`; what is refused is halved. Raises EndpointTrouble."""
    span = {"fromBlock": hex(low), "toBlock": hex(high)}
    calls: list[Call] = [("eth_getLogs", ({**span, "address": part},)) for part in _parts(addresses)]
    try:
        told = await source.batch(calls)
    except RangeRefused as trouble:
        told = [trouble]
    refused = next((one for one in told if isinstance(one, Refusal | RangeRefused)), None)
    if refused is None:
        return [log for logs in told for log in _checked(logs, addresses)]
    if low == high:  # words we do not know count as "too large": only smaller pieces can tell
        raise RangeRefused(str(refused)) from refused
    middle = (low + high) // 2
    older = await read_range_logs(source, low, middle, addresses)
    return older + await read_range_logs(source, middle + 1, high, addresses)


async def read_header(source: Endpoint, which: str) -> Json:
    """The header at a height, of `latest`, or of a hash. Raises EndpointTrouble, Behind if it is unknown."""
    method = "eth_getBlockByHash" if len(which) == 66 else "eth_getBlockByNumber"
    told = await source.call(method, which, False)
    if told is None:
        raise Behind(f"{source.name}: block {which} is unknown")
    if not isinstance(told, dict):
        raise Garbage(f"{source.name}: not a block: {str(told)[:200]}")
    return told


def take_logs(block: Block, logs: Collection[Json]) -> list[Json]:
    """Add logs to a block; those that were new, in order. Raises Garbage for a log of another block."""
    new = {}
    for log in logs:
        if bytes.fromhex(log["blockHash"][2:]) != block.head.hash:
            raise Garbage(f"block {block.head.number}: a log of another block, {log['blockHash']}")
        index = int(log["logIndex"], 16)
        if index not in block.logs:
            new[index] = {**log, "removed": False}
    block.logs.update(new)
    return [new[index] for index in sorted(new)]


def _checked(logs: Any, addresses: Collection[str]) -> list[Json]:
    """An answer of eth_getLogs. Raises Garbage."""
    if not isinstance(logs, list):
        raise Garbage(f"not a list of logs: {str(logs)[:200]}")
    for log in logs:
        if parse_log(log).address.lower() not in addresses:
            raise Garbage(f"a log that was not asked for: {log['address']}")
    return logs


def _parts(addresses: Collection[str]) -> list[list[str]]:
    line = sorted(addresses)
    return [line[start : start + ADDRESSES] for start in range(0, len(line), ADDRESSES)]


async def _patiently(source: Endpoint, calls: Sequence[Call]) -> list[Any]:
    """As `batch`, tried again for a while where a block is not known yet."""
    for pause in BEHIND_PAUSES:
        try:
            return _none_refused(await source.batch(calls))
        except Behind:
            await asyncio.sleep(pause)
    return _none_refused(await source.batch(calls))


def _none_refused(told: list[Any]) -> list[Any]:
    """Raises Behind: for logs by hash, words that nobody knows mean that the block is not there."""
    if refused := next((one for one in told if isinstance(one, Refusal)), None):
        raise Behind(f"logs by block hash: {refused}") from refused
    return told
