"""How Hypothesis draws histories: few requests, and several things that go wrong around them."""

from hypothesis import strategies as st

from linkpool.contracts.oracle import MAX_BATCH
from tests.sim.events import (
    Ask,
    Blackout,
    Broke,
    Chair,
    Cut,
    Drought,
    Event,
    Evict,
    Fault,
    History,
    Kill,
    Leave,
    Reorg,
    Say,
    Shun,
    Spike,
    Trouble,
    Word,
)
from tests.sim.sources import How, Job

LAST = 200
"""Seconds after the start at which the last thing begins."""

PRICE = str(2 * 10**16)
"""Wei per LINK: a payment of 0.1 LINK is worth 18 gwei per gas, a penalty of 1 LINK ten times that. The usual
base fee of 5 gwei is well below the 70 % of it that a first send may use."""

_moment = st.one_of(st.integers(15, 60), st.integers(15, 60), st.integers(1, LAST))
"""Mostly when the first requests are asked and answered: what happens together breaks things."""

_asked = st.sampled_from([30, 30, 32, 37, 50, 90, 150])
_spell = st.sampled_from([5, 20, 60, 150, 400])
_seat = st.integers(0, 3)

_few = st.builds(
    Ask,
    at=_asked,
    count=st.sampled_from([1, 1, 1, 2, 3]),
    job=st.sampled_from([Job.PLAIN] * 4 + [Job.CONFIRMED, Job.LONG, Job.LATER, Job.REFUSED]),
    covered=st.booleans(),
    again=st.sampled_from([False, False, False, True]),
)

_burst = st.builds(Ask, at=_asked, count=st.sampled_from([8, MAX_BATCH + 4]), covered=st.booleans())

_deadly = st.builds(
    Ask, at=_asked, count=st.sampled_from([1, 1, 2]), job=st.just(Job.DEADLY), covered=st.booleans()
)

_asks = st.integers(0, 11).flatmap(lambda roll: {11: _burst, 10: _deadly}.get(roll, _few))

_kills = st.builds(
    Kill,
    at=_moment,
    seat=_seat,
    back=st.sampled_from([0.5, 3, 20, 400]),
    calls=st.integers(0, 25),
    after=st.booleans(),
    noticed=st.booleans(),
    slot=st.one_of(st.none(), st.integers(0, 3)),
)

_mishaps: st.SearchStrategy[Event] = st.one_of(
    _kills,
    st.builds(Blackout, at=_moment, back=st.sampled_from([0.5, 3, 60])),
    st.builds(
        Trouble,
        at=_moment,
        seconds=_spell,
        seat=_seat,
        endpoint=st.sampled_from([-1, -1, 0, 1]),
        fault=st.sampled_from(Fault),
    ),
    st.builds(Reorg, at=_moment, depth=st.integers(1, 10), lossy=st.booleans()),
    st.builds(Evict, at=_moment),
    st.builds(Shun, at=_moment, seconds=_spell),
    st.builds(Spike, at=_moment, seconds=_spell, factor=st.sampled_from([3, 20])),
    st.builds(Broke, at=_moment, seconds=_spell, slot=_seat),
    st.builds(
        Drought,
        at=_moment,
        seconds=_spell,
        seat=st.integers(-1, 3),
        how=st.sampled_from([How.FAILS, How.HANGS, How.SLOW, How.ERRORS]),
    ),
    st.builds(Leave, at=_moment, seconds=_spell, seat=_seat, ends=st.booleans()),
    st.builds(Cut, at=_moment, seconds=_spell, seat=_seat),
    st.builds(Say, at=_moment, word=st.sampled_from(Word)),
)

_chairs = st.builds(
    Chair,
    primary=st.booleans(),
    pushes=st.sampled_from(
        [(True, True), (True,), (True, False), (False, True), (True, True), (True,), (False,)]
    ),
)

histories = st.builds(
    History,
    chairs=st.sampled_from([2, 2, 2, 3, 4]).flatmap(lambda n: st.tuples(*[_chairs] * n)),
    events=st.tuples(st.lists(_asks, min_size=1, max_size=3), st.lists(_mishaps, max_size=8)).map(
        lambda parts: (*parts[0], *parts[1])
    ),
    block_time=st.sampled_from([12] * 8 + [4] * 4 + [2, 1]),
    gas_limit=st.sampled_from([30_000_000, 6_000_000]),
    link_price=st.sampled_from([None, PRICE]),
    delay=st.sampled_from([0.05, 3.0]),
    loss=st.sampled_from([0.0, 0.3]),
    source=st.sampled_from([0.1, 1.0]),
    drift=st.sampled_from([0, 0, 0, 5]),
    seed=st.integers(0, 2**16),
)
"""Any history. With `PRICE` a spike of 20 costs more than a request without cover is worth."""
