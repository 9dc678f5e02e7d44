"""What a chain is made of, as everything above it sees it: heads and logs.

Hashes, topics and data are bytes, addresses checksummed strings, quantities ints (wei, seconds, blocks).
The parsers read JSON-RPC objects and raise `Garbage` for anything else, so that a lying or broken endpoint is
passed over instead of believed.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from eth_utils.address import to_checksum_address

from linkpool.chain.rpc import Garbage

checksum = lru_cache(maxsize=4096)(to_checksum_address)
"""The checksummed form of an address; remembered, because it costs a keccak each time."""


@dataclass(frozen=True, slots=True)
class Head:
    """One block's header. `timestamp` in seconds; `base_fee` in wei, none on a legacy chain."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    base_fee: int | None = None
    bloom: int | None = field(default=None, compare=False, repr=False)
    """The filter of its logs, 2048 bits as a number; none where the endpoint does not say."""


@dataclass(frozen=True, slots=True)
class Log:
    """One log in one block. Two are equal when they are the same log of the same block."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    block_timestamp: int | None = field(compare=False)
    """Seconds; none where the endpoint does not say."""
    tx_hash: bytes
    log_index: int


def parse_head(block: Any) -> Head:
    """A header or block object as a Head. Raises Garbage."""
    try:
        fee, bloom = block.get("baseFeePerGas"), block.get("logsBloom")
        return Head(
            number=int(block["number"], 16),
            hash=_hash(block["hash"]),
            parent_hash=_hash(block["parentHash"]),
            timestamp=int(block["timestamp"], 16),
            base_fee=None if fee is None else int(fee, 16),
            bloom=None if bloom is None else int(bloom, 16),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise Garbage(f"not a block header: {str(block)[:200]}") from problem


def parse_log(log: Any) -> Log:
    """A log object as a Log. Raises Garbage, also for a log that is in no block yet."""
    try:
        stamp = log.get("blockTimestamp")
        return Log(
            address=checksum(log["address"]),
            topics=_topics(tuple(log["topics"])),
            data=unhex(log["data"]),
            block_number=_small(log["blockNumber"]),
            block_hash=_hash(log["blockHash"]),
            block_timestamp=None if stamp is None else _small(stamp),
            tx_hash=_hash(log["transactionHash"]),
            log_index=_small(log["logIndex"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise Garbage(f"not a log: {str(log)[:200]}") from problem


def parse_logs(logs: Any) -> list[Log]:
    """The answer of eth_getLogs, in the chain's order. Raises Garbage."""
    if not isinstance(logs, list):
        raise Garbage(f"not a list of logs: {str(logs)[:200]}")
    return sorted(map(parse_log, logs), key=lambda log: (log.block_number, log.log_index))


def quantity(value: Any) -> int:
    """A hex quantity as an int. Raises Garbage."""
    try:
        return int(value, 16)
    except (TypeError, ValueError) as problem:
        raise Garbage(f"not a quantity: {str(value)[:200]}") from problem


def unhex(value: str) -> bytes:
    """`0x...` as bytes. Raises ValueError without the prefix, or where a digit is none."""
    if not value.startswith("0x"):
        raise ValueError(f"not 0x-hex: {value[:80]}")
    return bytes.fromhex(value[2:])


def hexed(value: bytes) -> str:
    """Bytes as `0x...`."""
    return "0x" + value.hex()


@lru_cache(maxsize=1024)
def _small(value: str) -> int:
    """A number of at most 64 bits that many logs have, as one object."""
    if len(value) > len("0x") + 16:
        raise ValueError(f"not a small quantity: {value[:80]}")
    return int(value, 16)


@lru_cache(maxsize=512)
def _hash(value: str) -> bytes:
    """32 bytes; the same object for the same text, because most hashes are in several logs, told together."""
    if len(value) != 66:
        raise ValueError(f"not 32 bytes: {value[:80]}")
    return unhex(value)


@lru_cache(maxsize=512)
def _topics(values: tuple[str, ...]) -> tuple[bytes, ...]:
    """All topics of a log; those of requests for one job are one object."""
    return tuple(map(_hash, values))
