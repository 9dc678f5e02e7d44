"""People who do anything at all to a pool, by a seed: for volume, where nobody predicts each outcome."""

import random
from collections.abc import Callable
from contextlib import suppress

from linkpool.contracts.oracle import Oracle, OracleRequest, Reason, RequestTerms
from linkpool.contracts.pool import Offer
from linkpool.contracts.pool_events import UnstakeRequested
from linkpool.units import link
from tests.contracts.world import (
    CEILING,
    COVERED,
    DAY,
    FREE,
    OWNER,
    PAYMENT,
    REQUESTERS,
    STAKERS,
    STRANGER,
    UNBONDING,
    reply,
)
from tests.support.evm import Reverted
from tests.support.evm_chain import EvmChain

MAX_NODES = 8
"""The pool of the test world takes 10."""


class PoolLife:
    """Acts at random; what the contracts refuse, or a re-org took the ground of, does not happen."""

    def __init__(self, chain: EvmChain, seed: int) -> None:
        self.chain, self.world = chain, chain.world
        self.random = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.requests: list[OracleRequest] = []
        self.tickets: list[int] = []
        self._acts: list[tuple[Callable[[], object], int]] = [
            (self.request, 14),
            (self.answer, 10),
            (self.answer_many, 3),
            (self.cancel, 4),
            (self.reject, 2),
            (self.lapse, 1),
            (self.stake, 8),
            (self.unstake, 3),
            (self.withdraw, 3),
            (self.move, 2),
            (self.claim, 3),
            (self.income, 3),
            (self.operate, 1),
            (self.close, 1),
            (self.reopen, 4),
            (self.pause, 1),
        ]

    def block(self, acts: int = 4) -> None:
        """Mine one block in which up to so many things happen; now and then much time passes before."""
        seconds = self.random.choices((12, 160, 301, DAY, UNBONDING + 1), (60, 8, 8, 2, 1))[0]
        self.chain.mine(lambda: self.do(self.random.randint(0, acts)), seconds)

    def do(self, acts: int) -> None:
        """That many things, tried."""
        kinds, weights = zip(*self._acts, strict=True)
        for act in self.random.choices(kinds, weights, k=acts):
            with suppress(Reverted, LookupError):
                act()

    # --- acts -------------------------------------------------------------------------------------

    def request(self) -> None:
        job = self.random.choice((COVERED, COVERED, FREE))
        payment = PAYMENT + self.random.choice((0, 1, link(3)))
        made = self.world.request(self._node(), self.random.choice(REQUESTERS), payment, job)
        self.requests.append(made)

    def answer(self) -> None:
        made = self._request()
        self.world.answer(made.log.address, made)

    def answer_many(self) -> None:
        node = self._node()
        some = [reply(made) for made in self.requests[-24:] if made.log.address == node]
        self.world.evm.send(self.world.senders[node], Oracle(node).fulfill_many(some))

    def cancel(self) -> None:
        made = self._request()
        self.world.evm.send(made.requester, Oracle(made.log.address).cancel(RequestTerms.of(made)))

    def reject(self) -> None:
        made, reason = self._request(), self.random.choice(list(Reason))
        node = made.log.address
        self.world.evm.send(self.world.senders[node], Oracle(node).reject(RequestTerms.of(made), reason))

    def lapse(self) -> None:
        for made in self.requests[-30:]:
            with suppress(Reverted):
                self.world.evm.send(STRANGER, Oracle(made.log.address).lapse(RequestTerms.of(made)))

    def stake(self) -> None:
        amount = link(1) + self.random.randrange(link(900))
        self.world.stake(self._node(), self.random.choice(STAKERS), amount)

    def unstake(self) -> None:
        amount = self.random.choice((link(2) + self.random.randrange(link(500)), link(100_000)))
        who, pool = self.random.choice(STAKERS), self.world.pool
        self.world.evm.send(who, pool.request_unstake(self._node(), amount))
        self.tickets += [each.ticket for each in self.world.evm.events if isinstance(each, UnstakeRequested)]

    def withdraw(self) -> None:
        self.world.evm.send(STRANGER, self.world.pool.withdraw(self.random.choice(self.tickets[-40:])))

    def move(self) -> None:
        amount = self.random.choice((link(3), link(100_000)))
        self.world.evm.send(
            self.random.choice(STAKERS), self.world.pool.move(self._node(), self._node(), amount)
        )

    def claim(self) -> None:
        nodes = [self._node() for _ in range(self.random.randint(1, 4))]
        self.world.evm.send(self.random.choice(STAKERS), self.world.pool.claim(nodes))

    def income(self) -> None:
        pool, node = self.world.pool, self._node()
        self.world.evm.send(
            STRANGER, self.random.choice((pool.sync(node), pool.harvest([node]), pool.pay_fees()))
        )

    def operate(self) -> None:
        pool, node, draw = self.world.pool, self._node(), self.random
        penalty = draw.choice((0, 10**9, link(1), link(50)))
        call = draw.choice(
            (
                pool.drain(node),
                pool.set_capacity(node, draw.choice((link(5_000), link(20_000)))),
                pool.set_offer(Offer(COVERED, PAYMENT, penalty, CEILING, True)),
                pool.announce_fee(draw.choice((300, 1_000, 1_500))),
                pool.apply_fee(),
                None,
            )
        )
        if call is not None:
            self.world.evm.send(OWNER, call)
        elif len(self.world.nodes) < MAX_NODES:
            self.world.register(len(self.world.nodes))

    def close(self) -> None:
        """Retire a node, so that stake can move out of it; a later act may reopen it."""
        node, pool = self._node(), self.world.pool
        for call in (pool.drain(node), pool.retire(node)):
            self.world.evm.send(OWNER, call)
        self.world.evm.send(self.random.choice(STAKERS), pool.move(node, self._node(), link(100_000)))

    def reopen(self) -> None:
        self.world.evm.send(OWNER, self.world.pool.reopen(self._node()))

    def pause(self) -> None:
        """And at once undo it: nothing else would happen for two weeks."""
        for call in (self.world.pool.pause(), self.world.pool.unpause()):
            self.world.evm.send(OWNER, call)

    def _node(self) -> str:
        return self.random.choice(self.world.nodes)

    def _request(self) -> OracleRequest:
        return self.requests[-1 - min(int(self.random.expovariate(0.2)), len(self.requests) - 1)]
