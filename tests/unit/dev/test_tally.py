"""The tally counts from logs alone: answered, open, paid twice, and how many blocks each answer took."""

from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from linkpool.contracts.oracle import CancelOracleRequest, OracleRequest, OracleResponse
from linkpool.dev.tally import Tally

ORACLE = "0xc18E6E5648eB8e4aC1c38947d0c11916bC918712"
PEOPLE = "0x" + "11" * 20
FIELDS = ["address", "bytes32", "uint256", "address", "bytes4", "uint256", "uint256", "bytes"]


@dataclass
class Chain:
    """Blocks of logs, as `eth_getLogs` gives them; `read` are the ranges that were asked for."""

    blocks: list[list[dict[str, Any]]] = field(default_factory=lambda: [[]])
    read: list[tuple[int, int]] = field(default_factory=list)

    def mine(self, *logs: tuple[bytes, bytes, bytes]) -> None:
        """A block with logs of (topic, second topic, data)."""
        number = len(self.blocks)
        self.blocks.append([])
        for index, (topic, second, data) in enumerate(logs):
            self.blocks[number].append(
                {
                    "address": ORACLE.lower(),
                    "topics": ["0x" + topic.hex(), "0x" + second.hex()],
                    "data": "0x" + data.hex(),
                    "blockNumber": hex(number),
                    "blockHash": "0x" + keccak(number.to_bytes(32)).hex(),
                    "transactionHash": "0x" + keccak(b"tx" + bytes([number, index])).hex(),
                    "logIndex": hex(index),
                }
            )

    async def call(self, method: str, *params: Any) -> Any:
        if method == "eth_blockNumber":
            return hex(len(self.blocks) - 1)
        low, high = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
        self.read.append((low, high))
        return [log for block in self.blocks[low : high + 1] for log in block]

    async def batch(self, calls: Any) -> list[Any]:
        return [await self.call(method, *params) for method, params in calls]


def asked(number: int) -> tuple[bytes, bytes, bytes]:
    values = (PEOPLE, bytes([number]) * 32, 10**17, PEOPLE, bytes(4), 2_000_000_000, 2, b"")
    return OracleRequest.topic(), b"job".ljust(32), encode(FIELDS, values)


def answered(number: int) -> tuple[bytes, bytes, bytes]:
    return OracleResponse.topic(), bytes([number]) * 32, b""


def cancelled(number: int) -> tuple[bytes, bytes, bytes]:
    return CancelOracleRequest.topic(), bytes([number]) * 32, b""


async def test_answered_open_and_the_median_of_blocks() -> None:
    chain = Chain()
    chain.mine(asked(1), asked(2), asked(3))
    chain.mine(answered(2))
    chain.mine()
    chain.mine(answered(1))
    tally = Tally(chain, ORACLE, 0)
    assert await tally.update() == 4
    assert (tally.answered, tally.open, tally.paid_twice) == (2, 1, 0)
    assert [fate.delay for fate in tally.fates.values()] == [3, 1, None]
    assert tally.median_delay == 2


async def test_no_block_is_read_twice_and_none_is_left_out() -> None:
    chain = Chain()
    tally = Tally(chain, ORACLE, 0)
    for number in range(1, 6):
        chain.mine(asked(number))
        await tally.update()
        await tally.update()
    assert chain.read == [(0, 1), (2, 2), (3, 3), (4, 4), (5, 5)]
    assert len(tally.fates) == tally.open == 5


async def test_a_second_payment_is_seen_and_changes_no_other_figure() -> None:
    chain = Chain()
    chain.mine(asked(1))
    chain.mine(answered(1))
    chain.mine(answered(1))
    tally = Tally(chain, ORACLE, 0)
    await tally.update()
    assert (tally.answered, tally.open, tally.paid_twice) == (1, 0, 1)
    assert tally.median_delay == 1, "the first answer counts"


async def test_a_cancelled_request_was_not_answered() -> None:
    chain = Chain()
    chain.mine(asked(1))
    chain.mine(cancelled(1))
    tally = Tally(chain, ORACLE, 0)
    await tally.update()
    assert (tally.answered, tally.open) == (0, 1)


async def test_nothing_asked_has_no_median() -> None:
    tally = Tally(Chain(), ORACLE, 0)
    await tally.update()
    assert (tally.answered, tally.open, tally.paid_twice, tally.median_delay) == (0, 0, 0, None)
