"""Everything anybody can do to a pool, at random, against the contracts and the rational model at once.

Each rule asks the model first: an act it refuses must revert with the model's reason, an act it allows must
succeed. Between steps `before` and `seen` hold what all views say; invariants (`invariants.py`) compare them.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from linkpool.contracts.abi import Call, Event
from linkpool.contracts.oracle import Ask, Covered, Oracle, OracleRequest, RequestTerms
from linkpool.contracts.pool import NodeBooks, Offer, stake_data
from linkpool.contracts.pool_events import Penalized
from linkpool.contracts.view import Account, NodeRow, Summary
from linkpool.units import link
from tests.contracts.model import Close, Model, Node, Refused, Request
from tests.contracts.world import (
    CEILING,
    COVERED,
    DAY,
    FREE,
    MANAGER,
    OWNER,
    PAYMENT,
    REQUESTERS,
    STAKERS,
    STRANGER,
    UNBONDING,
    World,
    build,
    reply,
)
from tests.support.evm import Reverted

calls = 0
"""Transactions and views run by all machines of this process."""

NODES = st.integers(0, 2)
WHO = st.sampled_from(STAKERS)
ASKER = st.sampled_from(REQUESTERS)
AMOUNT = st.one_of(
    st.integers(link(1), link(4_000)), st.sampled_from([link(1) - 1, link(1), link(100), link(10_000)])
)
PART = st.sampled_from([Fraction(1, 3), Fraction(1, 2), Fraction(9, 10), Fraction(1), Fraction(2)])
JUMP = st.sampled_from([1, 12, 149, 151, 299, 300, 3_600, DAY - 300, DAY, DAY + 300, UNBONDING, 14 * DAY])


@dataclass(frozen=True)
class Seen:
    """What the contracts' views say at one moment."""

    now: int
    summary: Summary
    nodes: dict[str, NodeRow]
    books: dict[str, NodeBooks]
    accounts: dict[str, Account]
    pool_link: int
    node_link: dict[str, int]

    def value(self, node: str, who: str) -> int:
        """Active stake of an account, in juels."""
        return sum(h.value for h in self.accounts[who].holdings if h.node == node)

    def shares(self, node: str, who: str) -> int:
        """Its active shares."""
        return sum(h.shares for h in self.accounts[who].holdings if h.node == node)

    def claimable(self, node: str, who: str) -> int:
        """Its income."""
        return sum(h.claimable for h in self.accounts[who].holdings if h.node == node)


@dataclass(frozen=True)
class Act:
    """The last step: which rule, and what it logged (nothing when it was refused)."""

    name: str
    events: tuple[Event, ...] = ()
    node: str | None = None


@functools.cache
def base_world() -> World:
    """One world for all runs of this process; each run undoes what it did."""
    return build()


class PoolMachine(RuleBasedStateMachine):
    """People act; the model follows."""

    def __init__(self) -> None:
        super().__init__()
        self.world = base_world()
        self._undone = self.world.evm.undone()
        self._undone.__enter__()
        self.model = Model(1_000, UNBONDING, self.world.evm.now)
        for node in self.world.nodes:
            self._new_node(node)
        self.requests: dict[bytes, OracleRequest] = {}
        self.tickets: list[int] = []
        self.claimed: dict[tuple[str, str], int] = {}
        self.reserved: dict[bytes, int] = {}
        """request -> active stake of its node when it was made, in the order they were made"""
        self.penalties: list[tuple[int, Penalized]] = []
        """with the second of each"""
        self.penalty = link(50)
        self.last = Act("start")
        self.before = self.seen = self.look()
        for n, who, amount in ((0, 0, 4_000), (0, 1, 1_500), (1, 2, 3_000), (1, 0, 30)):
            self.stake(n, STAKERS[who], link(amount), approved=False)
        self.request(0, REQUESTERS[0], covered=False, payment=link(3))
        self.answer(0, batch=False)

    def teardown(self) -> None:
        self._undone.__exit__(None, None, None)

    def _new_node(self, node: str) -> None:
        self.model.nodes[node] = Node(fee=self.model.fee, capacity=link(10_000))

    # looking

    def ask(self, call: Call[Any]) -> Any:
        global calls  # noqa: PLW0603 - a count for the report
        calls += 1
        return self.world.evm.ask(call)

    def look(self) -> Seen:
        w = self.world
        pool = w.pool.address
        rows = self.ask(w.view.nodes(pool))
        return Seen(
            now=w.evm.now,
            summary=self.ask(w.view.summary(pool)),
            nodes={row.node: row for row in rows},
            books={node: self.ask(w.pool.node(node)) for node in w.nodes},
            accounts={who: self.ask(w.view.account(pool, who)) for who in STAKERS},
            pool_link=self.ask(w.coin.balance_of(pool)),
            node_link={node: self.ask(w.coin.balance_of(node)) for node in w.nodes},
        )

    # acting

    def act(
        self,
        name: str,
        sender: str,
        call: Call[Any],
        allowed: Callable[[], Any],
        node: str | None = None,
    ) -> tuple[bool, Any, Any]:
        """Send what the model allows, refuses or finds close: done?, its value, what the model said."""
        global calls  # noqa: PLW0603 - a count for the report
        calls += 1
        refusal: str | None = None
        close: tuple[str, ...] = ()
        said = None
        self.model.now = self.world.evm.now
        try:
            said = allowed()
        except Refused as reason:
            refusal = str(reason)
        except Close as reason:
            close = reason.args
        self.last = Act(name, node=node)
        returned, reverted = None, None
        try:
            returned = self.world.evm.send(sender, call)
        except Reverted as problem:
            reverted = str(problem)
        if reverted is not None:
            assert reverted in {refusal, *close}, f"{name} reverted: {reverted}, the model: {refusal}"
            return False, None, None
        assert refusal is None, f"{name} should revert: {refusal}"
        self.last = Act(name, tuple(self.world.evm.events), node)
        for event in self.last.events:
            if isinstance(event, Penalized):
                self.penalties.append((self.world.evm.now, event))
        return True, returned, said

    def step(self) -> None:
        """Called after every rule, before the invariants."""
        self.before, self.seen = self.seen, self.look()
        self.check()

    def check(self) -> None:
        """The invariant that a subclass holds after every step."""

    @rule(n=NODES, who=WHO, amount=AMOUNT, approved=st.booleans())
    def stake(self, n: int, who: str, amount: int, approved: bool) -> None:
        node, pool = self.world.nodes[n], self.world.pool
        call: Call[Any] = pool.stake(node, amount, who)
        if not approved:
            call = self.world.coin.transfer_and_call(pool.address, amount, stake_data(node, who))
        done, _, _ = self.act("stake", who, call, lambda: self.model.may_stake(node, amount), node)
        if done:
            self.model.stake(node, who, amount)
        self.step()

    @rule(n=NODES, who=WHO, part=PART)
    def unstake(self, n: int, who: str, part: Fraction) -> None:
        node = self.world.nodes[n]
        amount = int(self.seen.value(node, who) * part)
        call = self.world.pool.request_unstake(node, amount)
        done, ticket, value = self.act("unstake", who, call, lambda: self.model.part(node, who, amount), node)
        if done:
            if value is None:  # rounding decided: the contract took all, or just the amount
                shares_left = self.look().shares(node, who)
                value = Fraction(amount) if shares_left else self.model.nodes[node].active[who]
            self.model.unstake(node, who, value, ticket)
            self.tickets.append(ticket)
        self.step()

    @precondition(lambda self: self.tickets)
    @rule(pick=st.integers(0, 30))
    def withdraw(self, pick: int) -> None:
        ticket = self.tickets[pick % len(self.tickets)]
        owner = "0x" + (ticket >> 96).to_bytes(20).hex()
        had = self.world.balance(owner)
        done, _, _ = self.act(
            "withdraw", STRANGER, self.world.pool.withdraw(ticket), lambda: self.model.may_withdraw(ticket)
        )
        if done:
            paid = self.world.balance(owner) - had
            waiting = self.model.tickets.pop(ticket)
            assert paid <= waiting.at_request, "a ticket paid more than it was worth when made"
            assert abs(waiting.value - paid) <= self.dust, "a ticket paid another value than the model's"
        self.step()

    @rule(who=WHO, a=NODES, b=NODES, part=PART)
    def move(self, who: str, a: int, b: int, part: Fraction) -> None:
        source, target = self.world.nodes[a], self.world.nodes[b]
        amount = int(self.seen.value(source, who) * part)

        def allowed() -> Fraction:
            self.model.may_move(source)
            rounding: tuple[str, ...] = ()
            try:
                value = self.model.part(source, who, amount)
            except Close as close:
                value, rounding = Fraction(amount), close.args
            try:
                self.model.may_stake(target, value, sure=False)
            except (Refused, Close) as reason:
                raise (Close(*rounding, *reason.args) if rounding else reason) from None
            if rounding:
                raise Close(*rounding)
            return value

        call = self.world.pool.move(source, target, amount)
        done, _, value = self.act("move", who, call, allowed, source)
        if done:
            if value is None:
                left = self.look().shares(source, who)
                value = Fraction(amount) if left else self.model.nodes[source].active[who]
            self.model.move(source, target, who, value)
        self.step()

    @rule(who=WHO, picks=st.lists(NODES, max_size=4))
    def claim(self, who: str, picks: list[int]) -> None:
        nodes = [self.world.nodes[n] for n in picks]
        owed = {node: self.seen.claimable(node, who) for node in nodes}
        had = self.world.balance(who)
        _, total, _ = self.act("claim", who, self.world.pool.claim(nodes), lambda: None)
        assert total == sum(owed.values()) == self.world.balance(who) - had
        for node, amount in owed.items():
            self.claimed[node, who] = self.claimed.get((node, who), 0) + amount
            self.model.sync(node)
        self.step()

    @rule(n=NODES, who=ASKER, covered=st.booleans(), payment=st.sampled_from([1, PAYMENT + 1, link(3)]))
    def request(self, n: int, who: str, covered: bool, payment: int) -> None:
        w, node = self.world, self.world.nodes[n]
        payment = max(payment, PAYMENT) if covered else payment
        job = COVERED if covered else FREE
        w.asked += 1
        ask = Ask(job=job, requester=who, callback_function_id=b"\1\2\3\4", nonce=w.asked, data=b"\xa0")
        wanted = self.penalty if covered else 0
        call = w.coin.transfer_and_call(node, payment, ask.calldata)
        done, _, _ = self.act("request", who, call, lambda: self.model.may_request(node), node)
        if done:
            cover = sum(e.penalty for e in self.last.events if isinstance(e, Covered))
            (made,) = [e for e in self.last.events if isinstance(e, OracleRequest)]
            exact = self.model.cover(node, wanted)
            assert -self.dust <= exact - cover <= 10**9 + self.dust, f"cover {cover}, model {float(exact)}"
            self.model.request(ask.request_id, Request(node, who, payment, made.expiration, cover))
            self.requests[ask.request_id] = made
            self.reserved[ask.request_id] = self.seen.nodes[node].active
        self.step()

    def pick(self, number: int) -> tuple[bytes, OracleRequest, str]:
        """One of the open requests, the newest first."""
        id = list(self.model.requests)[-1 - number % len(self.model.requests)]
        return id, self.requests[id], self.model.requests[id].node

    @precondition(lambda self: self.model.requests)
    @rule(pick=st.integers(0, 20), batch=st.booleans())
    def answer(self, pick: int, batch: bool) -> None:
        id, made, node = self.pick(pick)
        oracle, answer = Oracle(node), reply(made)
        call: Call[Any] = oracle.fulfill_many([answer, answer]) if batch else oracle.fulfill(answer)
        had = self.world.balance(made.requester)
        _, _, penalty = self.act(
            "answer", self.world.senders[node], call, lambda: self.model.answer(id), node
        )
        assert self.world.balance(made.requester) - had == penalty
        self.step()

    @precondition(lambda self: self.model.requests)
    @rule(pick=st.integers(0, 20))
    def cancel(self, pick: int) -> None:
        id, made, node = self.pick(pick)
        had = self.world.balance(made.requester)
        call = Oracle(node).cancel(RequestTerms.of(made))
        done, _, _ = self.act("cancel", made.requester, call, lambda: self.model.may_cancel(id), node)
        if done:
            penalty = self.model.cancel(id)
            assert self.world.balance(made.requester) - had == made.payment + penalty
        self.step()

    @precondition(lambda self: self.model.requests)
    @rule(pick=st.integers(0, 20))
    def reject(self, pick: int) -> None:
        id, made, node = self.pick(pick)
        call = Oracle(node).reject(RequestTerms.of(made), 2)  # type: ignore[arg-type]  # any small number
        self.act("reject", self.world.senders[node], call, lambda: self.model.reject(id), node)
        self.step()

    @precondition(lambda self: self.model.requests)
    @rule(pick=st.integers(0, 20))
    def lapse(self, pick: int) -> None:
        id, made, node = self.pick(pick)
        call = Oracle(node).lapse(RequestTerms.of(made))
        self.act("lapse", STRANGER, call, lambda: self.model.lapse(id), node)
        self.step()

    @rule(n=NODES, act=st.sampled_from(["sync", "harvest", "pay_fees"]))
    def bring_income(self, n: int, act: str) -> None:
        node, pool = self.world.nodes[n], self.world.pool
        if act == "pay_fees":
            self.act(act, STRANGER, pool.pay_fees(), lambda: None)
            self.model.fees_paid += self.seen.summary.fees
        else:
            call = pool.sync(node) if act == "sync" else pool.harvest([node])
            self.act(act, STRANGER, call, lambda: self.model.sync(node), node)
        self.step()

    @rule(bps=st.sampled_from([0, 300, 1_000, 1_500, 2_000, 2_001]), apply=st.booleans())
    def change_fee(self, bps: int, apply: bool) -> None:
        pool = self.world.pool
        self.act("announce_fee", OWNER, pool.announce_fee(bps), lambda: self.model.announce(bps))
        self.step()
        if apply:
            self.world.evm.now += UNBONDING + DAY
            self.act("apply_fee", STRANGER, pool.apply_fee(), self.model.apply)
            self.step()

    @rule(n=NODES, to=st.sampled_from(["drain", "reopen", "retire", "drain and retire"]))
    def change_status(self, n: int, to: str) -> None:
        for step in to.split(" and "):
            self._change_status(self.world.nodes[n], step)

    def _change_status(self, node: str, to: str) -> None:
        wanted = {"drain": "active", "retire": "draining"}.get(to)
        becomes = {"drain": "draining", "reopen": "active", "retire": "retired"}[to]

        def allowed() -> None:
            state = self.model.nodes[node]
            if to == "reopen" and state.status == "active":
                raise Refused("Node is active")
            if to != "reopen" and state.status != wanted:
                raise Refused(f"Node is not {wanted}")
            if to == "retire" and state.reserves:
                raise Refused("Open requests are covered")
            state.status = becomes

        pool = self.world.pool
        call = {"drain": pool.drain, "reopen": pool.reopen, "retire": pool.retire}[to]
        self.act(to, OWNER, call(node), allowed, node)
        self.step()

    @rule(
        n=NODES,
        capacity=st.sampled_from([0, link(50), link(10_000), link(20_000)]),
        penalty=st.sampled_from([0, 10**9, link(1), link(50), link(5_000)]),
        what=st.sampled_from(["capacity", "penalty", "penalty", "pause", "unpause"]),
    )
    def operate(self, n: int, capacity: int, penalty: int, what: str) -> None:
        node, pool = self.world.nodes[n], self.world.pool
        if what == "capacity":
            self.act("set_capacity", OWNER, pool.set_capacity(node, capacity), lambda: None, node)
            self.model.nodes[node].capacity = capacity
        elif what == "penalty":
            offer = Offer(COVERED, PAYMENT, penalty, CEILING, True)
            self.act("set_offer", MANAGER, pool.set_offer(offer), lambda: None)
            self.penalty = penalty
        else:
            self.act(what, OWNER, pool.pause() if what == "pause" else pool.unpause(), lambda: None)
            self.model.paused_until = self.world.evm.now + 14 * DAY if what == "pause" else 0
        self.step()

    @rule(n=NODES, who=ASKER, late=st.sampled_from([0, 1, DAY - 1, DAY]), answered=st.booleans())
    def miss(self, n: int, who: str, late: int, answered: bool) -> None:
        """A covered request that nobody answers in its window."""
        had = len(self.model.requests)
        self.request(n, who, covered=True, payment=PAYMENT)
        if len(self.model.requests) > had:
            self.world.evm.now += 300 + late
            self.last = Act("wait")
            self.step()
            if answered:
                self.answer(0, batch=bool(n))
            else:
                self.cancel(0)

    @precondition(lambda self: self.model.tickets)
    @rule(pick=st.integers(0, 30))
    def withdraw_in_time(self, pick: int) -> None:
        """Wait until an unpaid ticket is ready, and pay it."""
        unpaid = list(self.model.tickets)
        ticket = unpaid[pick % len(unpaid)]
        ready = self.world.evm.ask(self.world.pool.ticket(ticket)).ready_at
        self.world.evm.now = max(self.world.evm.now, ready)
        self.last = Act("wait")
        self.step()
        self.withdraw(self.tickets.index(ticket))

    @rule(n=st.integers(0, 3), amount=st.integers(1, link(100)))
    def donate(self, n: int, amount: int) -> None:
        to = [*self.world.nodes, self.world.pool.address][n]
        self.act("donate", REQUESTERS[2], self.world.coin.transfer(to, amount), lambda: None)
        self.step()

    @rule(seconds=JUMP)
    def wait(self, seconds: int) -> None:
        self.world.evm.now += seconds
        self.last = Act("wait")
        self.step()

    @property
    def dust(self) -> int:
        """Juels by which rounding may part contract and model: below one for each act."""
        return 200
