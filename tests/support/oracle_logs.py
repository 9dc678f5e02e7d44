"""Logs of an oracle contract, made by hand: what a chain would say, in whatever order a test wants."""

from typing import Any

from eth_abi.abi import encode

from linkpool.chain.types import Head, Log, checksum
from linkpool.contracts import oracle
from linkpool.contracts.abi import load
from linkpool.replica.requests import Request
from linkpool.units import Juels

ORACLE = checksum("0x" + "0a" * 20)
REQUESTER = checksum("0x" + "0c" * 20)
START = 1_700_000_000
JOB = b"j" * 32
PAYMENT = 10**17


def head(number: int, *, block_time: int = 1, base_fee: int | None = 10**9) -> Head:
    """The head of a chain with a block every `block_time` seconds."""
    return Head(number, number.to_bytes(32), (number - 1).to_bytes(32), START + number * block_time, base_fee)


def log_of(event: str, topics: list[bytes], data: bytes, block: int, index: int = 0, branch: int = 0) -> Log:
    """One log; another `branch` is another block at the same height."""
    topic = load("NodeOracle").events[event].topic
    block_hash = branch.to_bytes(16) + block.to_bytes(16)
    tx_hash = bytes([index % 256]) + block_hash[1:]
    return Log(ORACLE, (topic, *topics), data, block, block_hash, None, tx_hash, index)


def request_log(request_id: bytes, block: int, index: int = 0, branch: int = 0, **changed: Any) -> Log:
    """An OracleRequest. `changed`: job, payment, requester, data, made (its block's timestamp)."""
    requester = changed.get("requester", REQUESTER)
    values = (
        requester,
        request_id,
        changed.get("payment", PAYMENT),
        requester,
        bytes.fromhex("4357855e"),
        changed.get("made", START + block) + oracle.WINDOW_SECONDS,
        2,
        changed.get("data", b""),
    )
    kinds = ["address", "bytes32", "uint256", "address", "bytes4", "uint256", "uint256", "bytes"]
    topics = [changed.get("job", JOB)]
    return log_of("OracleRequest", topics, encode(kinds, values), block, index, branch)


def end_log(event: str, request_id: bytes, block: int, index: int = 0, branch: int = 0) -> Log:
    """An OracleResponse or CancelOracleRequest."""
    return log_of(event, [request_id], b"", block, index, branch)


def covered_log(request_id: bytes, penalty: int, block: int, index: int = 0, branch: int = 0) -> Log:
    """A Covered, in juels."""
    return log_of("Covered", [request_id], penalty.to_bytes(32), block, index, branch)


def rejected_log(request_id: bytes, block: int, index: int = 0, branch: int = 0) -> Log:
    """A Rejected."""
    return log_of("Rejected", [request_id], (2).to_bytes(32), block, index, branch)


def request(number: int = 1, block: int = 10, *, penalty: int = 0, **changed: Any) -> Request:
    """An open request made in `block`."""
    log = request_log(number.to_bytes(32), block, **changed)
    return Request(oracle.OracleRequest.decode(log), Juels(penalty))


def calldata(one: Request, function: str = "fulfillOracleRequest2", **changed: Any) -> str:
    """A call of a fulfil function, as a job encodes it."""
    event = one.event
    word = changed.get("word", event.request_id) + (7).to_bytes(32)
    values = (
        event.request_id,
        changed.get("payment", event.payment),
        event.callback_address,
        event.callback_function_id,
        event.expiration,
        word if function.endswith("2") else (7).to_bytes(32),
    )
    return "0x" + load("NodeOracle").functions[function].encode(*values).hex()


def sends(data: str) -> str:
    """An `ethtx` of these bytes, as a line of a job's graph; to whom does not matter."""
    return f'send [type=ethtx to="{REQUESTER}" data="{data}"]'
