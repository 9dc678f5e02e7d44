"""Replicas' own following (`chain/follow.py`) behind two relays and a provider, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from linkpool.chain.clock import ChainClock
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.follow import Follower
from tests.support import virtual_time
from tests.support.chain_world import BOARD, DONE, make_chain, mining, until
from tests.support.fake_chain import FakeChain
from tests.support.fake_endpoint import FakeEndpoint
from tests.support.fake_relay import FakeRelay, relaying
from tests.support.relay_ear import Emitter

Story = Callable[["World"], Awaitable[None]]
OTHERS = tuple(f"0x{number:040x}" for number in range(1, 20))


class World:
    """Relays `one` and `two` over the same two providers, and a provider that replicas know themselves."""

    def __init__(self, chain: FakeChain, one: FakeRelay, two: FakeRelay, provider: FakeEndpoint) -> None:
        self.chain, self.one, self.two, self.provider = chain, one, two, provider
        self.emitter = Emitter(chain)

    @asynccontextmanager
    async def replica(self, *addresses: str, offset: float = 0.0) -> AsyncIterator[Follower]:
        endpoints = Endpoints([self.one.face, self.two.face, self.provider], chain_id=31337)
        follower = Follower(
            endpoints, ChainClock(), addresses or (BOARD,), [DONE], start=0, reconcile_offset=offset
        )
        task = asyncio.create_task(follower.run())
        try:
            await until(lambda: follower.head is not None)
            yield follower
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def spent(self) -> int:
        """Calls to all providers so far."""
        return sum(up.calls.total() for up in (*self.one.ups, self.provider))  # both relays have the same


def play(story: Story) -> None:
    async def main() -> None:
        chain = make_chain()
        Emitter(chain).blocks(20)
        ups = [FakeEndpoint(chain, f"up{place}") for place in (0, 1)]
        async with (
            relaying(*ups, name="one") as one,
            relaying(*ups[::-1], name="two", offset=15.0) as two,
        ):
            await story(World(chain, one, two, FakeEndpoint(chain, "provider")))

    virtual_time.run(main())


def test_an_idle_hour_costs_the_same_for_one_replica_and_for_twenty() -> None:
    async def story(it: World) -> None:
        hours = []
        async with mining(it.chain, 12.0):
            async with it.replica():
                await asyncio.sleep(120)
                before = it.spent
                await asyncio.sleep(900)
                hours.append(4 * (it.spent - before))
            replicas = [it.replica(one, offset=place % 30) for place, one in enumerate((BOARD, *OTHERS))]
            await asyncio.gather(*(one.__aenter__() for one in replicas))
            await asyncio.sleep(120)
            before = it.spent
            await asyncio.sleep(900)
            hours.append(4 * (it.spent - before))
            await asyncio.gather(*(one.__aexit__(None, None, None) for one in replicas))
        assert hours[0] <= 900
        assert hours[1] <= 900
        assert it.provider.calls.total() == 0, "never asked by a replica"

    play(story)


def test_relays_are_followed_first_and_again_after_they_were_away() -> None:
    async def story(it: World) -> None:
        async with mining(it.chain), it.replica() as follower:
            assert follower.source == "one"
            it.one.face.cut()
            await until(lambda: follower.source == "two", limit=1)
            it.two.face.cut()
            await until(lambda: follower.source == "provider", limit=1)
            it.one.face.down = it.two.face.down = False
            await until(lambda: follower.source == "one", limit=120)

    play(story)


def test_a_relay_that_is_cut_off_is_left_when_it_knows_and_not_three_blocks_later() -> None:
    async def story(it: World) -> None:
        async with mining(it.chain, 2.0), it.replica() as follower:
            await asyncio.sleep(20)
            it.one.core.feed.sure_at -= 100
            await until(lambda: follower.source == "two", limit=1)
            assert follower.silences == 0

    play(story)


def test_a_relay_whose_upstreams_all_lie_is_found_out_by_the_other_relay() -> None:
    async def main() -> None:
        chain = make_chain()
        lying, honest = FakeEndpoint(chain, "lying"), FakeEndpoint(chain, "honest")
        lying.faults.hide_logs = True
        async with relaying(lying, name="one") as one, relaying(honest, name="two") as two:
            it = World(chain, one, two, FakeEndpoint(chain, "provider"))
            async with mining(chain), it.replica() as follower:
                assert follower.source == "one"
                it.emitter.emit()
                await until(lambda: follower.source == "two", limit=40)
                assert follower.missed == 1

    virtual_time.run(main())
