"""The window's law: whatever is pushed, in whatever order, a read of the range makes it the chain's truth."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.chain.rpc import Garbage
from linkpool.chain.types import Head, Log
from linkpool.chain.window import Window

ADDRESS = "0x" + "11" * 20


def block_hash(number: int, fork: int) -> bytes:
    return bytes([fork]) + number.to_bytes(31)


def head(number: int, fork: int = 0, parent_fork: int | None = None) -> Head:
    parent = block_hash(number - 1, fork if parent_fork is None else parent_fork)
    return Head(number, block_hash(number, fork), parent, 1000 + number)


def log(number: int, index: int = 0, fork: int = 0) -> Log:
    tx = bytes([fork, index]) + number.to_bytes(30)
    return Log(ADDRESS, (bytes(32),), b"", number, block_hash(number, fork), None, tx, index)


def settled(number: int, floor: int = 0, depth: int = 100) -> Window:
    window = Window(floor, depth)
    window.settle(head(number))
    return window


def test_a_pushed_log_ahead_of_its_head_is_believed_once() -> None:
    window = settled(10)
    assert window.push(log(11)) is True
    assert window.push(log(11)) is False
    assert window.extend(head(11))
    assert window.logs() == [log(11)]


def test_a_head_that_contradicts_a_believed_log_makes_doubt() -> None:
    window = settled(10)
    window.push(log(11, fork=1))
    assert not window.extend(head(11))


def test_a_log_of_another_block_than_the_known_one_makes_doubt() -> None:
    window = settled(10)
    assert window.push(log(10, fork=1)) is None
    assert window.push(log(5)) is None, "nothing is known of block 5: only a read can tell"
    assert window.logs() == []


def test_taking_back_a_believed_log_makes_doubt_and_any_other_nothing() -> None:
    window = settled(10)
    window.push(log(11))
    assert window.push(log(11), removed=True) is None
    assert window.push(log(11, index=3), removed=True) is False


def test_a_head_that_skips_or_forks_makes_doubt() -> None:
    window = settled(10)
    assert not window.extend(head(12))
    assert not window.extend(head(11, parent_fork=2))
    assert window.tip == head(10)


def test_a_log_that_is_read_again_is_not_held_a_second_time() -> None:
    window, pushed = settled(10), log(11)
    window.push(pushed)
    assert window.replace(5, 12, [log(11), log(11, index=1)]).seen == (log(11, index=1),)
    assert window.logs()[0] is pushed


def test_a_read_that_reaches_lower_takes_back_what_was_above() -> None:
    window = settled(10)
    window.push(log(11))
    change = window.settle(head(9, fork=1))
    assert change.gone == (log(11),)
    assert window.logs() == []


def test_a_read_tells_what_is_new_in_order_and_what_is_gone_last_first() -> None:
    window = settled(10)
    window.replace(1, 10, [log(3, fork=1), log(4, fork=1)])
    change = window.replace(1, 10, [log(4, 0), log(4, 1), log(5)])
    assert change.seen == (log(4, 0), log(4, 1), log(5))
    assert change.gone == (log(4, fork=1), log(3, fork=1))


def test_an_answer_that_cannot_be_is_garbage() -> None:
    window = settled(10)
    with pytest.raises(Garbage, match=r"asked for blocks 1\.\.5"):
        window.replace(1, 5, [log(6)])
    with pytest.raises(Garbage, match="two blocks at height 3"):
        window.replace(1, 5, [log(3, 0), log(3, 1, fork=1)])


def test_two_endpoints_with_the_same_block_make_a_union() -> None:
    window = settled(10)
    window.replace(1, 10, [log(3), log(4)])
    found, lacking = window.union(1, 10, [log(4), log(5)])
    assert (found, lacking) == ([log(5)], [log(3)])
    assert window.logs() == [log(3), log(4), log(5)]


def test_what_is_below_the_depth_is_forgotten() -> None:
    window = settled(10, depth=3)
    window.replace(0, 10, [log(8), log(9)])
    for number in range(11, 13):
        assert window.extend(head(number))
    assert window.floor == 10
    assert window.logs() == []
    assert window.push(log(9)) is False


@dataclass
class Truth:
    """Two forks of ten blocks that part at `split`; fork 1 is the chain in the end."""

    split: int
    logs: dict[tuple[int, int], int]  # (number, fork) -> count

    def on(self, fork: int, up_to: int = 10) -> list[Log]:
        found: list[Log] = []
        for number in range(1, up_to + 1):
            own = 0 if number < self.split else fork
            found += [log(number, index, own) for index in range(self.logs.get((number, own), 0))]
        return found

    def head(self, number: int, fork: int) -> Head:
        own, parent = (0 if n < self.split else fork for n in (number, number - 1))
        return head(number, own, parent)


truths = st.builds(
    Truth,
    split=st.integers(1, 10),
    logs=st.dictionaries(st.tuples(st.integers(1, 10), st.integers(0, 1)), st.integers(1, 3)),
)


@given(truth=truths, data=st.data())
def test_any_notices_in_any_order_converge_to_the_chain(truth: Truth, data: st.DataObject) -> None:
    """A follower that reads whenever there is doubt ends with the chain's logs, and its events agree."""
    window, told = Window(1, 100), set[Log]()
    current = 0  # the fork that a read sees now

    def apply(seen: tuple[Log, ...], gone: tuple[Log, ...]) -> None:
        for one in gone:
            assert one in told, "took back what was never told"
            told.remove(one)
        for one in seen:
            assert one not in told, "told twice"
            told.add(one)

    def read(up_to: int) -> None:
        change = window.replace(1, up_to, truth.on(current, up_to))
        apply(change.seen, change.gone)
        change = window.settle(truth.head(up_to, current))
        apply(change.seen, change.gone)

    notices = [("head", truth.head(n, fork)) for n in range(1, 11) for fork in (0, 1)]
    notices += [("log", one) for fork in (0, 1) for one in truth.on(fork)]
    notices += [("removed", one) for one in truth.on(0)]
    chosen = data.draw(st.lists(st.sampled_from(notices), max_size=60))
    switch = data.draw(st.integers(0, len(chosen)))
    read(data.draw(st.integers(1, 10)))
    for step, (kind, item) in enumerate(chosen):
        current = int(step >= switch)
        height = data.draw(st.integers(1, 10))
        if isinstance(item, Head):
            if not window.is_old_news(item) and not window.extend(item):
                read(height)
        else:
            believed = window.push(item, removed=kind == "removed")
            if believed is None:
                read(height)
            elif believed:
                apply((item,), ())
        assert sorted(told, key=lambda one: (one.block_number, one.log_index)) == window.logs()
    current = 1
    last = truth.head(10, 1)
    if not window.is_old_news(last) or window.tip != last:
        read(10)
    elif set(window.logs()) != set(truth.on(1)):
        # every push was lost: only reconciling, a read of the same chain, can find them
        found, lacking = window.union(1, 10, truth.on(1))
        apply(tuple(found), ())
        assert not lacking, "believed a log that is not in the chain"
    assert window.logs() == truth.on(1)
