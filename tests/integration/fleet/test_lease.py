"""One leader at a time, whoever sleeps, whatever the clocks say: on both databases."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkpool.fleet.clock import SystemClock
from linkpool.fleet.lease import END_AFTER, STOP_AFTER, TAKE_AFTER, Candidate, Term, lead
from linkpool.store import lease as rows
from linkpool.store import nodes
from linkpool.store.database import Database, LeaseLost, StoreUnreachable
from tests.support.databases import Cluster
from tests.support.examples import examples
from tests.support.manual_clock import ManualClock


async def test_the_first_leads_at_once_and_the_second_stands_by(database: Database) -> None:
    clock = ManualClock()
    first, second = Candidate(database, "a", clock), Candidate(database, "b", clock)
    await first.step()
    await second.step()
    assert first.term is not None
    assert (first.term.epoch, first.term.runs, second.term) == (1, True, None)


async def test_a_standby_takes_over_within_five_seconds_of_a_crash(database: Database) -> None:
    clock = ManualClock()
    first, second = Candidate(database, "a", clock), Candidate(database, "b", clock)
    await first.step()
    waited = 0.0
    while second.term is None:
        await second.step()
        clock.advance(0.5)
        waited += 0.5
    assert waited <= 5.0
    assert second.term.epoch == 2
    assert first.term is not None
    assert not first.term.runs  # long before: it never asked anybody


async def test_a_leader_that_slept_writes_nothing_and_says_nothing(database: Database) -> None:
    clock = ManualClock()
    first, second = Candidate(database, "a", clock), Candidate(database, "b", clock)
    await first.step()
    asleep = first.term
    assert asleep is not None
    await second.step()
    clock.advance(TAKE_AFTER)
    await second.step()
    assert second.term is not None
    assert not asleep.runs
    with pytest.raises(LeaseLost):
        async with database.lead(asleep.epoch) as session:
            await nodes.want(session, 1, 0.0)
    await first.step()
    assert first.term is None


async def test_a_clean_stop_hands_over_at_once(database: Database) -> None:
    clock = ManualClock()
    first, second = Candidate(database, "a", clock), Candidate(database, "b", clock)
    await first.step()
    await second.step()
    await first.release()
    await second.step()
    assert second.term is not None
    assert second.term.epoch == 2


async def test_wall_clocks_may_jump_and_differ(database: Database) -> None:
    one, other = ManualClock(wall=0.0), ManualClock(wall=9e9)
    first, second = Candidate(database, "a", one), Candidate(database, "b", other)
    for step in range(20):
        one.wall = (-1) ** step * 1e9
        await first.step()
        await second.step()
        one.steady += 0.5
        other.advance(0.5)
    assert first.term is not None
    assert first.term.epoch == 1
    assert second.term is None


async def test_a_leader_without_its_database_ends_by_time_and_somebody_leads_afterwards(
    cluster: Cluster,
) -> None:
    database = Database(cluster.create())
    await database.migrate()
    clock = ManualClock()
    candidates = [Candidate(database, name, clock) for name in "ab"]
    for candidate in candidates:
        await candidate.step()
    term = candidates[0].term
    assert term is not None
    cluster.stop()
    try:
        for _ in range(6):
            await asyncio.gather(*(candidate.step() for candidate in candidates))
            clock.advance(0.5)
        assert not term.runs
        assert [candidate.term for candidate in candidates] == [None, None]
    finally:
        cluster.start()
    for _ in range(10):
        clock.advance(0.5)
        for candidate in candidates:
            await candidate.step()
    leading = [candidate.term for candidate in candidates if candidate.term is not None]
    assert [term.runs for term in leading] == [True]
    assert leading[0].epoch > 1
    await database.close()


async def test_a_leader_that_hangs_inside_a_transaction_is_not_waited_for(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkpool.store.database.IDLE_SECONDS", 0.5)
    hangs = await cluster.with_tables()
    stands_by = Database(hangs.url)
    clock = ManualClock()
    first, second = Candidate(hangs, "a", clock), Candidate(stands_by, "b", clock)
    await first.step()
    await second.step()

    async def hang() -> None:
        async with hangs.lead(1) as session:
            clock.advance(TAKE_AFTER)
            async with asyncio.timeout(60):
                while second.term is None:
                    await second.step()
            await nodes.want(session, 1, 0.0)  # it wakes up

    with pytest.raises(StoreUnreachable):
        await hang()
    assert second.term is not None
    assert second.term.epoch == 2
    for each in (hangs, stands_by):
        await each.close()


async def test_on_one_host_a_leader_too_busy_to_renew_is_silent_until_it_has(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'busy.db'}")
    await database.migrate()
    clock = ManualClock()
    candidate = Candidate(database, "a", clock)
    await candidate.step()
    term = candidate.term
    assert term is not None
    clock.advance(STOP_AFTER)
    assert not term.runs
    speaks = asyncio.create_task(term.speaks())
    await asyncio.sleep(0)
    assert not speaks.done()
    await candidate.step()
    assert candidate.term is term
    await asyncio.wait_for(speaks, 60)
    await database.close()


async def test_a_leader_whose_term_ran_out_follows_itself_at_once(database: Database) -> None:
    clock = ManualClock()
    candidate = Candidate(database, "a", clock)
    await candidate.step()
    clock.advance(END_AFTER)
    await candidate.step()
    assert candidate.term is not None
    assert (candidate.term.epoch, candidate.term.runs) == (2, True)


async def test_a_renewal_goes_ahead_of_all_writers_that_wait(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'queue.db'}")
    await database.migrate()
    order: list[str] = []

    async def write(name: str, *, ahead: bool = False) -> None:
        async with database.write(ahead=ahead):
            order.append(name)

    async with asyncio.timeout(60):
        async with database.write():
            waiting = [asyncio.create_task(write(name)) for name in "abc"]
            await asyncio.sleep(0)
            waiting.append(asyncio.create_task(write("lease", ahead=True)))
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
    assert order == ["lease", "a", "b", "c"]
    await database.close()


async def test_a_busy_leader_does_not_keep_itself_from_renewing(cluster: Cluster) -> None:
    database = await cluster.with_tables()
    candidate = Candidate(database, "a", ManualClock())
    await candidate.step()
    async with database.lead(1), asyncio.timeout(60), database.write() as session:
        assert await rows.renew(session, "a", 1), "its own open transaction holds nothing up"
    await database.close()


async def test_work_is_cancelled_the_moment_a_term_ends(database: Database) -> None:
    clock = ManualClock()
    candidate = Candidate(database, "a", clock)
    began, ended = asyncio.Event(), asyncio.Event()

    async def serve(_term: Term) -> None:
        began.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    leading = asyncio.create_task(lead(candidate, serve))
    await asyncio.wait_for(began.wait(), 60)
    clock.advance(END_AFTER)
    await asyncio.wait_for(ended.wait(), 60)
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)


async def test_work_that_fails_begins_again_while_the_term_runs(database: Database) -> None:
    began = asyncio.Queue[int]()

    async def serve(term: Term) -> None:
        began.put_nowait(term.epoch)
        raise OSError("the engine's disk is full")

    leading = asyncio.create_task(lead(Candidate(database, "a", SystemClock()), serve))
    async with asyncio.timeout(60):
        assert [await began.get() for _ in range(3)] == [1, 1, 1]
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)


moves = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.3, 0.5, 1.1, 2.5, 3.5, 11.0])),
    min_size=1,
    max_size=40,
)


@settings(max_examples=examples(30))
@given(moves=moves)
def test_never_two_at_once_however_steps_and_sleeps_fall(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[int, float]]
) -> None:
    """Law: of all terms ever begun, at most one runs; epochs never repeat."""

    async def walk(folder: Path) -> None:
        database = Database(f"sqlite:///{folder / 'law.db'}")
        await database.migrate()
        clock = ManualClock()
        candidates = [Candidate(database, name, clock) for name in "abc"]
        terms: dict[int, Term] = {}
        for who, pause in moves:
            clock.advance(pause)
            await candidates[who].step()
            term = candidates[who].term
            if term is not None:
                assert terms.setdefault(term.epoch, term) is term
            assert sum(term.runs for term in terms.values()) <= 1
        await database.close()

    asyncio.run(walk(tmp_path_factory.mktemp("law")))
