"""A replica's life: what draining means in each state, and that SIGTERM cannot be called back."""

import asyncio

import pytest

from linkpool.replica.life import Life
from linkpool.wire.agent import State

pytestmark = pytest.mark.unit


def life(*states: State) -> tuple[Life, list[State]]:
    told: list[State] = []
    made = Life(lambda: told.append(made.state))
    for state in states:
        made.become(state)
    return made, told


def test_each_change_is_told_once():
    made, told = life(State.CLAIMING, State.CLAIMING, State.SYNCING)
    assert told == [State.CLAIMING, State.SYNCING]
    assert made.state is State.SYNCING


def test_a_drain_can_be_called_back():
    made, _ = life(State.SERVING)
    made.drain()
    assert (made.state, made.ending) == (State.DRAINING, False)
    made.resume()
    assert made.state is State.SERVING


def test_a_drained_replica_that_gets_sigterm_ends():
    made, _ = life(State.SERVING)
    made.drain()
    made.drain(for_good=True)
    assert (made.state, made.ending) == (State.DRAINING, True)


def test_sigterm_cannot_be_called_back():
    made, _ = life(State.SERVING)
    made.drain(for_good=True)
    made.resume()
    assert made.state is State.DRAINING


@pytest.mark.parametrize("state", [State.STARTING, State.CLAIMING, State.SYNCING])
def test_sigterm_before_serving_ends_at_once(state):
    made, _ = life(state)
    made.drain(for_good=True)
    assert made.state is State.GONE


def test_a_drain_that_comes_before_serving_is_not_forgotten():
    made, told = life(State.SYNCING)
    made.drain()
    made.become(State.SERVING)
    assert told == [State.SYNCING, State.DRAINING]


def test_a_drain_called_back_before_serving_is():
    made, _ = life(State.SYNCING)
    made.drain()
    made.resume()
    made.become(State.SERVING)
    assert made.state is State.SERVING


async def test_a_waiter_wakes_in_the_state_it_waits_for():
    made, _ = life(State.SERVING)
    waiter = asyncio.create_task(made.until(State.GONE))
    made.drain()
    await asyncio.sleep(0)
    assert not waiter.done()
    made.become(State.GONE)
    assert await waiter is State.GONE
