"""Promises by bloom filter: never denied where there is a log, rarely given where there is none."""

import random

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from linkpool.chain.bloom import MOST_BITS, Promises, bits
from linkpool.chain.ranges import Wanted
from linkpool.chain.types import Head, checksum, unhex

pytestmark = pytest.mark.unit

ADDRESS = checksum("0x" + "0a" * 20)
TOPICS = tuple(bytes([number]) * 32 for number in range(1, 6))
WANTED = Wanted((ADDRESS,), TOPICS)
items = st.lists(st.binary(min_size=20, max_size=32), max_size=30)


def head(bloom: int | None) -> Head:
    return Head(7, b"h" * 32, b"p" * 32, 1000, bloom=bloom)


def promises(bloom: int | None) -> bool:
    made = Promises(WANTED, 2.0)
    made.note(head(bloom), 10.0)
    assert made.next in (None, 12.0)
    return made.next is not None


def filled(*held: bytes) -> int:
    bloom = 0
    for item in held:
        bloom |= bits(item)
    return bloom


def test_the_bits_are_those_of_geths_own_example() -> None:
    """go-ethereum, core/types/bloom9_test.go, TestBloomExtensively."""
    bloom = filled(*(b"xxxxxxxxxx data %d yyyyyyyyyyyyyy" % number for number in range(100)))
    known = "c8d3ca65cdb4874300a9e39475508f23ed6da09fdbc487f89a2dcf50b09eb263"
    assert keccak(bloom.to_bytes(256)).hex() == known


@given(items, st.sampled_from(TOPICS))
def test_a_block_with_a_log_of_ours_always_promises_it(others: list[bytes], topic: bytes) -> None:
    assert promises(filled(unhex(ADDRESS), topic, *others))


def test_a_contract_without_a_topic_or_a_topic_without_the_contract_promises_nothing() -> None:
    assert not promises(filled(unhex(ADDRESS)))
    assert not promises(filled(*TOPICS))
    assert not promises(0)
    assert not promises(None)


def test_foreign_blocks_promise_rarely_and_full_ones_never() -> None:
    dice = random.Random(7)  # noqa: S311 - repeatable
    half = [sum(1 << place for place in dice.sample(range(2048), MOST_BITS)) for _ in range(2_000)]
    assert sum(map(promises, half)) < 0.08 * len(half)
    assert not promises(2**2048 - 1)


def test_a_promise_is_taken_once_and_forgotten_when_all_was_read() -> None:
    made = Promises(WANTED, 2.0)
    made.note(head(filled(unhex(ADDRESS), TOPICS[0])), 10.0)
    assert made.take().number == 7
    assert made.next is None
    made.note(head(filled(unhex(ADDRESS), TOPICS[0])), 10.0)
    made.clear()
    assert made.next is None
