"""One sender's stream on a fake chain, case by case; its law is in test_stream_law.py."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from linkpool.chain.intent import Dropped, Intent, Mined, Why
from linkpool.units import Wei
from tests.support import virtual_time
from tests.support.chain_world import BOARD, ETHER, GWEI, KEY, Worker, make_chain, mining, task, until
from tests.support.fake_chain import FakeChain
from tests.support.fake_endpoint import FakeEndpoint, Faults

CAP = 100 * GWEI
Story = Callable[[FakeChain, Worker], Awaitable[None]]


def play(story: Story, *, cap: int = CAP, chain: FakeChain | None = None, **options: int) -> None:
    """Run a story with one worker on one sound endpoint, in virtual time."""

    async def main() -> None:
        here = chain or make_chain()
        worker = Worker([FakeEndpoint(here)], cap=lambda _now: cap, **options)
        async with worker.running():
            await until(lambda: worker.heard)
            await story(here, worker)

    virtual_time.run(main())


def transactions(chain: FakeChain) -> list[tuple[int, bytes]]:
    return [(receipt.tx.nonce, receipt.tx.data) for receipt in chain.executed()]


def test_tasks_are_mined_in_order_in_the_next_block() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        tickets = [worker.want(number) for number in range(5)]
        await until(lambda: len(chain.mempool) == 5)
        block = chain.mine()
        outcomes = [await ticket for ticket in tickets]
        assert all(isinstance(one, Mined) and one.succeeded and one.block == block.number for one in outcomes)
        assert transactions(chain) == [(number, task(number)) for number in range(5)]

    play(story)


def test_no_more_than_the_limit_are_in_flight() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        for number in range(10):
            worker.want(number)
        await until(lambda: len(chain.mempool) == 3)
        await asyncio.sleep(5)
        assert len(chain.mempool) == 3
        async with mining(chain):
            await until(lambda: len(worker.done) == 10)

    play(story, in_flight=3)


def test_a_log_confirms_without_any_receipt_call() -> None:
    async def main() -> None:
        chain = make_chain()
        endpoint = FakeEndpoint(chain)
        worker = Worker([endpoint], cap=lambda _now: CAP)
        async with worker.running(), mining(chain):
            await until(lambda: worker.heard)
            before = endpoint.calls.copy()
            assert isinstance(await worker.want(1), Mined)
            await until(lambda: worker.heard > 20)
            spent = endpoint.calls - before
            assert spent == {"eth_feeHistory": 1, "eth_sendRawTransaction": 1}

    virtual_time.run(main())


def test_without_hooks_receipts_tell_status_and_cost() -> None:
    async def main() -> None:
        chain = make_chain()
        worker = Worker([FakeEndpoint(chain)], cap=lambda _now: CAP).without_hooks()
        async with worker.running(), mining(chain):
            await until(lambda: worker.heard)
            outcome = await worker.want(1)
            assert isinstance(outcome, Mined)
            assert outcome.succeeded
            assert outcome.gas_used == 71_000
            assert outcome.fee == 71_000 * 2 * GWEI

    virtual_time.run(main())


def test_a_reverted_transaction_says_so() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        ticket = worker.want(1)
        await until(lambda: chain.mempool)
        chain.state.storage.setdefault(BOARD, {})[task(1)] = "somebody else, in silence"
        async with mining(chain):
            outcome = await ticket
        assert isinstance(outcome, Mined)
        assert not outcome.succeeded
        assert worker.stream.counts["reverted"] == 1

    play(story)


def test_a_stuck_transaction_is_replaced_for_more_and_never_above_the_cap() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        worker.want(1)
        await until(lambda: chain.mempool)
        first = next(iter(chain.mempool.values()))
        assert first.max_fee == 3 * GWEI
        chain.base_fee = 60 * GWEI
        async with mining(chain):
            await until(lambda: worker.done.get(task(1)))
        mined = chain.executed()[-1].tx
        assert mined.nonce == first.nonce
        assert 60 * GWEI < mined.max_fee <= CAP

    play(story)


def test_above_the_cap_nothing_is_sent_until_gas_is_cheaper() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        chain.base_fee = 80 * GWEI  # a first send may use 70 % of 100
        chain.mine()
        await until(lambda: worker.heard == chain.head.number)
        ticket = worker.want(1)
        async with mining(chain):
            await asyncio.sleep(20)
            assert not chain.mempool
            assert ticket.priced_out
            chain.base_fee = 60 * GWEI
            await until(lambda: worker.done.get(task(1)))
            assert not ticket.priced_out

    play(story)


def test_one_in_flight_is_priced_out_when_gas_rises_above_its_cap() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        ticket = worker.want(1)
        await until(lambda: chain.mempool)
        chain.base_fee = 2 * CAP
        async with mining(chain):
            await until(lambda: ticket.priced_out)
            assert all(tx.max_fee <= CAP for tx in chain.mempool.values())
            chain.base_fee = GWEI
            await ticket

    play(story)


def test_the_poor_leave_the_first_nonce_to_the_rich() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        def submit(number: int, cap: int) -> None:
            name = task(number)
            worker.stream.submit(
                Intent(BOARD, name, 200_000, lambda _: Wei(cap), lambda: not worker.done.get(name), 1e12)
            )

        submit(1, 5 * GWEI)
        await until(lambda: len(chain.mempool) == 1)
        submit(2, 500 * GWEI)
        await until(lambda: len(chain.mempool) == 2)
        chain.base_fee = 50 * GWEI
        async with mining(chain):
            await until(lambda: worker.done.get(task(2)))
            assert not worker.done.get(task(1))
            chain.base_fee = 1 * GWEI
            await until(lambda: worker.done.get(task(1)))

    play(story)


def test_an_answer_no_longer_wanted_gives_its_nonce_to_the_next() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        first = worker.want(1)
        await until(lambda: chain.mempool)
        worker.done[task(1)] = [b"by a sibling"]
        for _ in range(4):
            chain.mine(include=lambda _tx: False)
            await until(lambda: worker.heard == chain.head.number)
        assert await first == Dropped(Why.UNWANTED)
        worker.want(2)
        async with mining(chain):
            await until(lambda: worker.done.get(task(2)))
        assert transactions(chain) == [(0, task(2))]

    play(story)


def test_a_vacant_nonce_that_others_wait_behind_is_filled() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        first = worker.want(1)
        second = worker.want(2)
        await until(lambda: len(chain.mempool) == 2)
        worker.done[task(1)] = [b"by a sibling"]
        for tx in list(chain.mempool.values()):
            if tx.nonce == 0:
                chain.evict(tx.hash)
        async with mining(chain):
            assert await first == Dropped(Why.UNWANTED)
            assert isinstance(await second, Mined)
        assert transactions(chain) == [(0, b""), (1, task(2))]
        assert chain.executed()[0].tx.to == KEY.address

    play(story)


def test_past_its_deadline_it_is_given_up() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        chain.base_fee = 500 * GWEI
        chain.mine()
        await until(lambda: worker.heard == chain.head.number)
        ticket = worker.want(1, deadline=worker.clock.now() + 30)
        async with mining(chain):
            assert await ticket == Dropped(Why.EXPIRED)
        assert not transactions(chain)

    play(story)


def test_what_the_mempool_forgot_is_sent_again() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        worker.want(1)
        worker.want(2)
        await until(lambda: len(chain.mempool) == 2)
        chain.mempool.clear()
        async with mining(chain):
            await until(lambda: len(worker.done) == 2)

    play(story)


@pytest.mark.parametrize("hooks", [True, False])
@pytest.mark.parametrize("depth", [1, 3, 10])
def test_what_a_reorg_took_away_is_sent_again(depth: int, *, hooks: bool) -> None:
    async def main() -> None:
        chain = make_chain()
        chain.mine(12)
        worker = Worker([FakeEndpoint(chain)], cap=lambda _now: CAP)
        if not hooks:
            worker.without_hooks()
        async with worker.running():
            await until(lambda: worker.heard)
            tickets = [worker.want(number) for number in range(3)]
            await until(lambda: len(chain.mempool) == 3)
            chain.mine()
            assert all([isinstance(await ticket, Mined) for ticket in tickets])
            for _ in range(depth - 1):
                chain.mine()
                await until(lambda: worker.heard == chain.head.number)
            chain.reorg(depth, keep=lambda _tx: False)
            assert not transactions(chain)
            async with mining(chain):
                await until(lambda: sorted(transactions(chain)) == [(n, task(n)) for n in range(3)])
            await until(lambda: all(ticket.landed for ticket in tickets))

    virtual_time.run(main())


def test_after_enough_blocks_it_is_final() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        ticket = worker.want(1)
        async with mining(chain):
            await ticket
            assert ticket.live
            await until(lambda: not ticket.live)
        assert chain.head.number >= 8

    play(story, final_blocks=6)


def test_a_new_holder_outbids_what_its_predecessor_left() -> None:
    async def main() -> None:
        chain = make_chain()
        old = Worker([FakeEndpoint(chain)], cap=lambda _now: CAP)
        async with old.running():
            await until(lambda: old.heard)
            for number in range(4):
                old.want(number)
            await until(lambda: len(chain.mempool) == 4)
        new = Worker([FakeEndpoint(chain)], cap=lambda _now: CAP)
        async with new.running():
            await until(lambda: new.heard)
            assert new.stream.pending == 0, "it starts at the latest nonce, not at the pending one"
            new.want(7)
            await until(lambda: any(tx.data == task(7) for tx in chain.mempool.values()))
            async with mining(chain):
                await until(lambda: new.done.get(task(7)))
                new.want(0)  # its old transaction was replaced by task 7
                await until(lambda: new.done.get(task(0)))
        assert transactions(chain)[0] == (0, task(7))

    virtual_time.run(main())


def test_a_foreign_transaction_on_its_nonce_is_noticed() -> None:
    async def main() -> None:
        chain = make_chain()
        one, two = (Worker([FakeEndpoint(chain)], cap=lambda _now: CAP) for _ in range(2))
        async with one.running(), two.running():
            await until(lambda: one.heard and two.heard)
            one.want(1)
            await until(lambda: chain.mempool)
            chain.mine()
            await until(lambda: one.done)
            ticket = two.want(2)  # two still believes that nonce 0 is free
            async with mining(chain):
                assert isinstance(await ticket, Mined)

    virtual_time.run(main())


def test_without_money_it_waits_and_says_so() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        chain.state.balances[KEY.address] = 1000
        chain.mine()
        await until(lambda: worker.heard == chain.head.number)
        worker.want(1)
        async with mining(chain):
            await until(lambda: worker.stream.funds.short)
            await until(lambda: worker.stream.funds.balance == 1000)
            await asyncio.sleep(10)
            tried = worker.stream.counts["refused_InsufficientFunds"]
            assert 8 <= tried <= 14, "once a block, not more"
            chain.fund(KEY.address, ETHER)
            await until(lambda: worker.done.get(task(1)))
            assert not worker.stream.funds.short

    play(story)


def test_what_the_chain_will_never_take_is_refused_and_leaves_no_gap() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        bad = worker.stream.submit(Intent(BOARD, b"", 100, lambda _: Wei(CAP), lambda: True, 1e12))
        good = worker.want(2)
        async with mining(chain):
            outcome = await bad
            assert isinstance(outcome, Dropped)
            assert outcome.why is Why.REFUSED
            assert "intrinsic gas" in str(outcome.error)
            assert isinstance(await good, Mined)
            worker.stream.submit(Intent(BOARD, b"", 100, lambda _: Wei(CAP), lambda: True, 1e12))
            await until(lambda: worker.stream.counts["refused_IntrinsicGas"] == 2)
            await until(lambda: worker.stream.pending == 2)  # good, and the filler before it

    play(story)


def test_a_legacy_chain() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        worker.want(1)
        async with mining(chain):
            await until(lambda: worker.done.get(task(1)))
        assert chain.executed()[0].price == GWEI

    play(story, chain=make_chain(base_fee=None))


def test_a_send_whose_answer_was_lost_is_not_sent_as_another() -> None:
    async def main() -> None:
        chain = make_chain()
        endpoint = FakeEndpoint(chain, faults=Faults(fail=0.3), seed=5)
        worker = Worker([endpoint], cap=lambda _now: CAP)
        async with worker.running(), mining(chain):
            for number in range(20):
                worker.want(number)
            await until(lambda: len(worker.done) == 20)
        assert sorted(transactions(chain)) == [
            (n, data) for n, (_, data) in enumerate(sorted(transactions(chain)))
        ]

    virtual_time.run(main())


def test_a_swallowed_transaction_reaches_the_chain_by_the_other_endpoint() -> None:
    async def main() -> None:
        chain = make_chain()
        endpoints = [FakeEndpoint(chain, "bad", Faults(swallow=True)), FakeEndpoint(chain, "good")]
        worker = Worker(endpoints, cap=lambda _now: CAP)
        async with worker.running(), mining(chain):
            worker.want(1)
            await until(lambda: worker.done.get(task(1)), limit=10)

    virtual_time.run(main())


def test_a_nonce_that_only_the_predecessor_used_is_used_again_after_a_reorg() -> None:
    async def main() -> None:
        chain = make_chain()
        old = Worker([FakeEndpoint(chain)], cap=lambda _now: CAP)
        async with old.running():
            await until(lambda: old.heard)
            old.want(1)
            await until(lambda: chain.mempool)
            chain.mine()
        new = Worker([FakeEndpoint(chain)], cap=lambda _now: CAP)
        async with new.running():
            await until(lambda: new.heard)
            assert isinstance(await _mined(chain, new, 2), Mined)
            chain.reorg(2, keep=lambda tx: tx.nonce == 1)
            async with mining(chain):
                await until(lambda: len(transactions(chain)) == 2, limit=15)
        assert transactions(chain) == [(0, b""), (1, task(2))]

    virtual_time.run(main())


async def _mined(chain: FakeChain, worker: Worker, number: int) -> object:
    ticket = worker.want(number)
    await until(lambda: chain.mempool)
    chain.mine()
    return await ticket


def test_the_nonce_is_known_after_everything_became_final() -> None:
    async def story(chain: FakeChain, worker: Worker) -> None:
        async with mining(chain):
            for number in range(3):
                ticket = worker.want(number)
                await until(lambda one=ticket: not one.live)
        assert worker.stream.counts == {"sent": 3, "mined": 3}
        assert worker.stream.pending == 3

    play(story, final_blocks=4)


def test_a_reorg_before_the_first_head_is_noticed() -> None:
    async def main() -> None:
        chain = make_chain()
        old = Worker([FakeEndpoint(chain)], cap=lambda _now: CAP)
        async with old.running():
            await until(lambda: old.heard)
            for number in range(3):
                old.want(number)
            await until(lambda: len(chain.mempool) == 3)
            chain.mine()
        new = Worker([FakeEndpoint(chain)], cap=lambda _now: CAP)
        new.stream.on_head = lambda _head: None  # type: ignore[method-assign]  # no head reaches it yet
        async with new.running():
            await until(lambda: new.stream.pending == 3)
            chain.reorg(1, keep=lambda _tx: False)
            await until(lambda: new.heard == chain.head.number)
            del new.stream.on_head
            ticket = new.want(7)
            async with mining(chain):
                assert isinstance(await asyncio.wait_for(ticket, 30), Mined)

    virtual_time.run(main())
