"""A node adds itself: the lowest slot first, the others only if it does not, and all stop when it stands."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from linkpool.chain.intent import Dropped, Why
from linkpool.chain.rpc import Unreachable
from linkpool.contracts.abi import load
from linkpool.replica.register import TRY_SECONDS, WAIT_BLOCKS, register
from linkpool.units import Wei
from linkpool.wire.agent import Invite, NodeFacts
from tests.support.oracle_logs import ORACLE, START
from tests.support.replica_desk import Chain, Desk, mined, on_chain

pytestmark = pytest.mark.unit

INVITE = Invite(
    wallet=ORACLE,
    senders=(ORACLE,),
    capacity="1",
    deadline=START + 10**6,
    nonce=1,
    signature="0x" + "11" * 65,
)


def registered(
    *outcomes: Any, slot: int = 0, after: float = 1e9, invite: Invite | None = INVITE, down: float = 0
) -> tuple[float, list[Any]]:
    """Seconds until it returned, and its intents; the contract stands when one was mined, or `after`."""
    failures = len(outcomes)

    async def scenario(chain: Chain) -> tuple[float, list[Any]]:
        loop, desk = asyncio.get_running_loop(), Desk(list(outcomes))
        start = loop.time()

        async def call(_method: str, *_params: Any) -> str:
            if loop.time() - start < down:
                raise Unreachable("down")
            return "0xfe" if loop.time() - start >= after or len(desk.intents) > failures else "0x"

        who, node = SimpleNamespace(order=slot), SimpleNamespace(call=call)
        core: Any = SimpleNamespace(
            who=who, endpoints=node, stream=desk, clock=chain.clock, heads=chain.heads
        )
        facts = NodeFacts(chain_id=1, link=ORACLE, pool=ORACLE, wallet=ORACLE, oracle=ORACLE, invite=invite)
        await register(core, facts, max_fee=Wei(5))
        return loop.time() - start, desk.intents

    return on_chain(scenario)


def test_the_lowest_slot_submits_the_invite_at_once():
    waited, [intent] = registered()
    assert waited == pytest.approx(1, abs=0.1)
    assert intent.data[:4] == load("StakingPool").functions["register"].selector
    assert (intent.to, intent.max_fee(0.0)) == (ORACLE, 5)
    assert intent.deadline == pytest.approx(START + 10 + TRY_SECONDS, abs=1)


def test_where_it_is_there_already_nobody_submits():
    assert registered(after=0) == (0, [])


def test_a_higher_slot_leaves_the_lower_ones_some_blocks_each():
    waited, intents = registered(slot=2)
    assert len(intents) == 1
    assert waited == pytest.approx(2 * WAIT_BLOCKS + 1, abs=0.1)
    assert registered(slot=2, after=2)[1] == []


@pytest.mark.parametrize("failure", [mined(succeeded=False), Dropped(Why.EXPIRED)])
def test_what_did_not_land_is_submitted_again(failure):
    assert len(registered(failure)[1]) == 2


def test_without_an_invite_it_waits_for_somebody_to_make_it():
    assert registered(invite=None, after=30)[1] == []


def test_endpoints_that_are_down_are_waited_for():
    waited, intents = registered(down=5, after=5)
    assert waited == pytest.approx(5, abs=0.6)
    assert intents == []
