"""Balances of many addresses: one call where the node runs the program, one each where it does not."""

import aiohttp

from linkpool.chain.balances import AT_ONCE, balances
from linkpool.chain.endpoint import connect
from linkpool.chain.types import checksum
from tests.support.anvil import anvil
from tests.support.fake_chain import FakeChain
from tests.support.fake_endpoint import FakeEndpoint, Faults

MANY = [checksum(f"0x{number:040x}") for number in range(1_000, 1_000 + AT_ONCE + 50)]


async def test_a_real_node_answers_for_hundreds_at_once() -> None:
    with anvil() as chain:
        for number in (0, 7, AT_ONCE, AT_ONCE + 49):
            chain.rpc("anvil_setBalance", MANY[number], hex(10**18 + number))
        chain.rpc("anvil_mine", "0x1")
        async with aiohttp.ClientSession() as session:
            endpoint = connect(chain.http, session)
            head = int(await endpoint.call("eth_blockNumber"), 16)
            endpoint.calls.clear()
            found = await balances(endpoint, MANY, head)
            assert endpoint.calls == {"eth_call": 2}
            one_by_one = [
                int(await endpoint.call("eth_getBalance", each, hex(head)), 16) for each in MANY[:9]
            ]
            await endpoint.close()
    assert list(found) == MANY
    assert [found[each] for each in MANY[:9]] == one_by_one
    assert {each: wei for each, wei in found.items() if wei} == {
        MANY[number]: 10**18 + number for number in (0, 7, AT_ONCE, AT_ONCE + 49)
    }


async def test_a_node_that_tries_out_no_creations_is_asked_for_each() -> None:
    chain = FakeChain()
    chain.fund(MANY[3], 5)
    endpoint = FakeEndpoint(chain, faults=Faults(latency=0))
    found = await balances(endpoint, MANY[:5], 0)
    assert [found[each] for each in MANY[:5]] == [0, 0, 0, 5, 0]
    assert endpoint.calls["eth_getBalance"] == 5
