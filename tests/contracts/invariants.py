"""The invariants of the pool, one function each; a failed one raises AssertionError.

Each gets the machine after a step: `m.before` and `m.seen` are all views before and after it, `m.last` says
what was done. Some try something and undo it (`m.world.evm.undone()`): what if everybody left now?
"""

from collections.abc import Callable
from fractions import Fraction

import pytest

from linkpool.contracts.oracle import CancelOracleRequest, Covered, Oracle, OracleResponse, RequestTerms
from linkpool.contracts.pool import Status, stake_data
from linkpool.contracts.pool_events import IncomeSynced, Penalized
from linkpool.units import link
from tests.contracts.machine import PoolMachine, Seen
from tests.contracts.replay import replay
from tests.contracts.world import CLOSED, DAY, FREE, OWNER, STAKERS, STRANGER, UNBONDING, reply
from tests.support.evm import Reverted

SCALE = 2**80
INVARIANTS: dict[str, Callable[[PoolMachine], None]] = {}


def invariant(check: Callable[[PoolMachine], None]) -> Callable[[PoolMachine], None]:
    INVARIANTS[check.__name__] = check
    return check


def penalized(m: PoolMachine) -> set[str]:
    return {event.node for event in m.last.events if isinstance(event, Penalized)}


def tickets(seen: Seen, node: str) -> dict[int, int]:
    """Unpaid tickets of a node with their values."""
    rows = [row for account in seen.accounts.values() for row in account.tickets]
    return {row.ticket: row.value for row in rows if row.node == node}


def everybody_leaves(m: PoolMachine) -> list[int]:
    """Every stake becomes a ticket; returns them with the older ones."""
    made = [row.ticket for account in m.seen.accounts.values() for row in account.tickets]
    for who, account in m.seen.accounts.items():
        for holding in account.holdings:
            if holding.shares:
                made.append(m.world.evm.send(who, m.world.pool.request_unstake(holding.node, 2**255)))
    return made


@invariant
def agrees_with_the_model(m: PoolMachine) -> None:
    for node, n in m.model.nodes.items():
        row = m.seen.nodes[node]
        for who in STAKERS:
            assert abs(n.active.get(who, Fraction(0)) - m.seen.value(node, who)) <= m.dust
            had = m.seen.claimable(node, who) + m.claimed.get((node, who), 0)
            assert abs(n.income.get(who, Fraction(0)) - had) <= m.dust
        assert abs(m.model.total(node) - m.seen.books[node].assets) <= m.dust
        assert (row.reserves, row.earned) == (n.reserves, n.earned)
        assert row.escrow == sum(r.payment for r in m.model.requests.values() if r.node == node)
    for ticket, waiting in m.model.tickets.items():
        assert abs(tickets(m.seen, waiting.node)[ticket] - waiting.value) <= m.dust
    taken = m.model.fees_paid + m.seen.summary.fees + sum(b.fee_due for b in m.seen.books.values())
    undivided = sum(fee_of_undivided(m.seen, node) for node in m.seen.nodes)
    assert abs(sum(n.fees for n in m.model.nodes.values()) - taken - undivided) <= m.dust


def fee_of_undivided(seen: Seen, node: str) -> int:
    books, income = seen.books[node], seen.nodes[node].undivided
    return income * books.fee // 10_000 if books.active else income


@invariant
def link_held_covers_all_that_is_owed(m: PoolMachine) -> None:
    owed_by_pool = m.seen.summary.fees
    for node, books in m.seen.books.items():
        row = m.seen.nodes[node]
        assert m.seen.node_link[node] >= row.escrow + row.earned - row.harvested
        claimable = sum(m.seen.claimable(node, who) for who in STAKERS)
        income = claimable + books.carry // SCALE + books.fee_due + fee_of_undivided(m.seen, node)
        owed_by_pool += books.assets + max(0, income - (row.earned - row.harvested))
    assert m.seen.pool_link >= owed_by_pool


@invariant
def shares_add_up(m: PoolMachine) -> None:
    for node, books in m.seen.books.items():
        assert sum(m.seen.shares(node, who) for who in STAKERS) == books.active
        waiting = [t for a in m.seen.accounts.values() for t in a.tickets if t.node == node]
        assert sum(t.shares for t in waiting) == books.unbonding


@invariant
def staking_never_passes_capacity(m: PoolMachine) -> None:
    for node, row in m.seen.nodes.items():
        if row.active > m.before.nodes[node].active:
            assert row.active <= row.capacity


@invariant
def penalising_one_node_leaves_the_others(m: PoolMachine) -> None:
    hit = penalized(m)
    for node in m.seen.nodes if hit else ():
        if node not in hit:
            assert m.seen.books[node] == m.before.books[node]


@invariant
def penalties_of_a_day_stay_in_one_percent(m: PoolMachine) -> None:
    order = list(m.reserved)
    for node in penalized(m):
        mine = [(second, event) for second, event in m.penalties if event.node == node]
        day = [event for second, event in mine if second // DAY == m.seen.now // DAY]
        last = max(day, key=lambda event: order.index(event.request_id))
        assert sum(event.amount for event in day) * 100 <= m.reserved[last.request_id]
        recent = [event for second, event in mine if second > m.seen.now - DAY]
        most = max(m.reserved[event.request_id] for event in recent)
        assert sum(event.amount for event in recent) * 50 <= most


@invariant
def the_share_price_falls_by_penalties_and_never_rises(m: PoolMachine) -> None:
    for node, new in m.seen.books.items():
        old = m.before.books[node]
        total, had = new.active + new.unbonding, old.active + old.unbonding
        if not total or not had:
            continue
        assert new.assets * had <= old.assets * total
        if node not in penalized(m):
            assert old.assets * total - new.assets * had <= had, "below a juel of dust"
        assert new.assets <= total


@invariant
def staking_and_leaving_never_profits(m: PoolMachine) -> None:
    who, amount = STAKERS[0], link(7) + 1
    for node, books in list(m.seen.books.items())[len(m.tickets) % 3 :][:1]:
        if not stakeable(m, node, amount):
            continue
        with m.world.evm.undone():
            before = m.seen.value(node, who)
            m.world.stake(node, who, amount)
            staked = m.look()
            assert staked.value(node, who) - before <= amount
            assert staked.claimable(node, who) <= m.seen.claimable(node, who)
            m.world.evm.send(who, m.world.pool.request_unstake(node, 2**255))
            after = m.look()
            fresh = set(tickets(after, node)) - set(tickets(m.seen, node))
            assert sum(tickets(after, node)[t] for t in fresh) <= before + amount
            assert after.books[node].assets <= books.assets + amount


@invariant
def many_small_stakes_never_beat_one(m: PoolMachine) -> None:
    who = STAKERS[1]
    for node in m.world.nodes[len(m.tickets) % 3 :][:1]:
        if not stakeable(m, node, link(4)):
            continue
        with m.world.evm.undone():
            m.world.stake(node, who, link(4))
            whole = m.look().shares(node, who)
        with m.world.evm.undone():
            for amount in (link(1), link(1) + 1, link(2) - 1):
                m.world.stake(node, who, amount)
            assert m.look().shares(node, who) <= whole


def stakeable(m: PoolMachine, node: str, amount: int) -> bool:
    row = m.seen.nodes[node]
    paused = m.seen.now < m.seen.summary.paused_until
    return row.status is Status.ACTIVE and not paused and row.active + amount + 1 < row.capacity


@invariant
def income_is_never_paid_twice(m: PoolMachine) -> None:
    for node, row in m.seen.nodes.items():
        claimed = sum(amount for (at, _), amount in m.claimed.items() if at == node)
        claimable = sum(m.seen.claimable(node, who) for who in STAKERS)
        books = m.seen.books[node]
        net = sum(e.net for e in all_events(m, IncomeSynced) if e.node == node)
        if books.active:
            net += row.undivided - row.undivided * books.fee // 10_000
        carry = books.carry // SCALE if not row.undivided else 0
        assert claimed + claimable + carry <= net


def all_events(m: PoolMachine, kind: type[IncomeSynced]) -> list[IncomeSynced]:
    topic = kind.topic()
    logs = m.world.evm.logs
    return [kind.decode(log) for log in logs if log.topics and log.topics[0] == topic]


@invariant
def fees_come_from_income_and_stay_under_the_cap(m: PoolMachine) -> None:
    for event in m.last.events:
        if isinstance(event, IncomeSynced):
            income = event.earned - m.before.books[event.node].earned
            assert event.fee + event.net == income
            if m.before.books[event.node].active:
                assert event.fee * 10_000 <= 2_000 * income
    if m.last.name in {"sync", "harvest", "claim", "pay_fees", "announce_fee", "apply_fee"}:
        for node, books in m.seen.books.items():
            old = m.before.books[node]
            assert (books.assets, books.active, books.unbonding) == (old.assets, old.active, old.unbonding)


@invariant
def a_fee_rise_leaves_income_earned_before_it(m: PoolMachine) -> None:
    if m.last.name in {"apply_fee", "announce_fee", "sync", "harvest"}:
        for node in m.seen.nodes:
            for who in STAKERS:
                assert m.seen.claimable(node, who) == m.before.claimable(node, who)


@invariant
def staking_after_income_gains_none_of_it(m: PoolMachine) -> None:
    if m.last.name in {"stake", "unstake", "move"}:
        for node in m.seen.nodes:
            for who in STAKERS:
                change = m.seen.claimable(node, who) - m.before.claimable(node, who)
                assert -1 <= change <= 0, "income was counted before shares changed"


@invariant
def claim_order_does_not_matter(m: PoolMachine) -> None:
    paid = []
    for order in (STAKERS, STAKERS[::-1]):
        with m.world.evm.undone():
            claim = m.world.pool.claim(m.world.nodes)
            paid.append({who: m.world.evm.send(who, claim) for who in order})
    assert paid[0] == paid[1]


@invariant
def donations_change_nothing(m: PoolMachine) -> None:
    if m.last.name == "donate":
        assert m.seen.books == m.before.books
        assert m.seen.nodes == m.before.nodes
        assert m.seen.accounts == m.before.accounts
        assert m.seen.summary == m.before.summary


@invariant
def a_ticket_pays_once_and_never_early(m: PoolMachine) -> None:
    for account in m.seen.accounts.values():
        for row in account.tickets:
            with m.world.evm.undone():
                m.world.evm.now = row.ready_at - 1
                with pytest.raises(Reverted, match="Ticket is not ready"):
                    m.world.evm.send(STRANGER, m.world.pool.withdraw(row.ticket))
                m.world.evm.now = row.ready_at
                owner = m.world.evm.ask(m.world.pool.ticket(row.ticket)).owner
                had = m.world.balance(owner)
                m.world.evm.send(STRANGER, m.world.pool.withdraw(row.ticket))
                assert m.world.balance(owner) - had == row.value
                with pytest.raises(Reverted, match="No such ticket"):
                    m.world.evm.send(STRANGER, m.world.pool.withdraw(row.ticket))


@invariant
def active_and_unbonding_stake_lose_the_same_fraction(m: PoolMachine) -> None:
    for node in penalized(m):
        old, new = m.before.books[node], m.seen.books[node]
        pairs = [(m.before.value(node, who), m.seen.value(node, who)) for who in STAKERS]
        waiting = tickets(m.seen, node)
        pairs += [(value, waiting[ticket]) for ticket, value in tickets(m.before, node).items()]
        for had, has in pairs:
            assert abs(has * old.assets - had * new.assets) <= 2 * old.assets


@invariant
def pause_never_blocks_leaving(m: PoolMachine) -> None:
    with m.world.evm.undone():
        m.world.evm.send(OWNER, m.world.pool.pause())
        for who in STAKERS:
            m.world.evm.send(who, m.world.pool.claim(m.world.nodes))
        made = everybody_leaves(m)
        m.world.evm.now += UNBONDING
        m.world.evm.send(OWNER, m.world.pool.pause())
        for ticket in made:
            m.world.evm.send(STRANGER, m.world.pool.withdraw(ticket))
        for id, request in list(m.model.requests.items()):
            call = Oracle(request.node).cancel(RequestTerms.of(m.requests[id]))
            m.world.evm.send(request.requester, call)
        assert all(b.active == b.unbonding == b.assets == 0 for b in m.look().books.values())


@invariant
def a_retired_node_takes_no_stake_and_lets_everyone_out(m: PoolMachine) -> None:
    for node, row in m.seen.nodes.items():
        if row.status is not Status.RETIRED:
            continue
        data = stake_data(node, STAKERS[0])
        call = m.world.coin.transfer_and_call(m.world.pool.address, link(1), data)
        with pytest.raises(Reverted, match=r"Node takes no stake|Staking is paused"):
            m.world.evm.send(STAKERS[0], call)
        assert row.reserves == 0
        with m.world.evm.undone():
            made = everybody_leaves(m)
            m.world.evm.now += UNBONDING
            for ticket in made:
                m.world.evm.send(STRANGER, m.world.pool.withdraw(ticket))
            assert m.world.evm.ask(m.world.pool.node(node)).assets == 0


@invariant
def no_reserve_exceeds_its_room(m: PoolMachine) -> None:
    for event in m.last.events:
        if isinstance(event, Covered):
            assert event.penalty <= m.before.nodes[event.log.address].room
    for row in m.seen.nodes.values():
        if m.last.name == "request" and m.last.node == row.node and m.last.events:
            spent = m.seen.books[row.node].spent * 10**9
            today = m.seen.books[row.node].day == m.seen.now // DAY
            if any(isinstance(event, Covered) for event in m.last.events):
                assert (row.reserves + spent * today) * 100 <= row.active


@invariant
def a_request_is_paid_or_refunded_once(m: PoolMachine) -> None:
    ends = [
        log.topics[1]
        for log in m.world.evm.logs
        if log.topics and log.topics[0] in {OracleResponse.topic(), CancelOracleRequest.topic()}
    ]
    assert len(ends) == len(set(ends))
    for id in ends[-2:]:
        made = m.requests[id]
        oracle, terms = Oracle(made.log.address), RequestTerms.of(made)
        with pytest.raises(Reverted, match="Params do not match request ID"):
            m.world.evm.send(made.requester, oracle.cancel(terms))
        with pytest.raises(Reverted, match="Must have a valid requestId"):
            m.world.evm.send(m.world.senders[oracle.address], oracle.fulfill(reply(made)))


@invariant
def whoever_was_active_can_still_be_penalised(m: PoolMachine) -> None:
    open_ones = [(id, r) for id, r in m.model.requests.items() if r.cover]
    for id, request in open_ones[-2:]:
        latest = request.expiration + DAY - 1
        if m.world.evm.now > latest:
            continue
        with m.world.evm.undone():
            for ticket in everybody_leaves(m):
                m.world.evm.now = latest
                row = m.world.evm.ask(m.world.pool.ticket(ticket))
                if row.ready_at <= latest:
                    m.world.evm.send(STRANGER, m.world.pool.withdraw(ticket))
            m.world.evm.now = latest
            had = m.world.balance(request.requester)
            call = Oracle(request.node).cancel(RequestTerms.of(m.requests[id]))
            m.world.evm.send(request.requester, call)
            assert m.world.balance(request.requester) - had == request.payment + request.cover


@invariant
def no_view_reverts(m: PoolMachine) -> None:
    pool = m.world.pool
    for node in (*m.world.nodes, STRANGER):
        m.ask(pool.node(node))
        for who in (STAKERS[0], STRANGER):
            m.ask(pool.position(node, who))
            m.ask(pool.claimable(node, who))
    for ticket in (*m.tickets, 0):
        m.ask(pool.ticket(ticket))
    for job in (FREE, CLOSED):
        m.ask(pool.offer(job))
    everything = m.ask(m.world.view.nodes(pool.address, 0, 2**255))
    pages = [m.ask(m.world.view.nodes(pool.address, first, 1)) for first in range(4)]
    assert sum(pages, ()) == everything
    assert [m.seen.nodes[row.node] == row for row in everything] == [True] * len(m.world.nodes)


@invariant
def logs_alone_tell_the_state(m: PoolMachine) -> None:
    state = replay(m.world.evm.logs)
    for node, books in m.seen.books.items():
        told, row = state.nodes[node], m.seen.nodes[node]
        assert (told.active, told.unbonding, told.assets) == (books.active, books.unbonding, books.assets)
        assert (told.accumulator, told.carry, told.fee_due) == (books.accumulator, books.carry, books.fee_due)
        assert (told.fee, told.capacity, told.status) == (books.fee, books.capacity, books.status)
        assert (told.escrow, told.earned, told.reserves) == (row.escrow, row.earned, row.reserves)
        assert (told.harvested, told.rejections) == (row.harvested, row.rejections)
        for who in STAKERS:
            position = m.ask(m.world.pool.position(node, who))
            assert told.shares.get(who, 0) == position.shares
            owed = position.owed + position.shares * (books.accumulator - position.accumulator) // SCALE
            assert told.income(who) == owed
    summary = m.seen.summary
    assert (state.fees, state.fee_bps) == (summary.fees, summary.fee_bps)
    assert (state.owner, state.manager, state.guardian) == (summary.owner, summary.manager, summary.guardian)
    waiting = {t.ticket: t.shares for a in m.seen.accounts.values() for t in a.tickets}
    assert state.tickets == waiting


@invariant
def earned_only_grows(m: PoolMachine) -> None:
    for node, row in m.seen.nodes.items():
        old = m.before.nodes[node]
        assert row.earned >= old.earned
        assert row.harvested <= row.earned
        assert m.seen.books[node].accumulator >= m.before.books[node].accumulator
