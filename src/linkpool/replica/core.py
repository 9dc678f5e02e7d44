"""The working parts of one replica, wired: chain in, answers out. Opens no socket and knows no process.

    logs -> requests -> duty -> jobs.run -> answers -> settle

The process around it (`main.py`) gives it endpoints and a way to fetch; the simulator gives it fakes and
virtual time, so what is simulated is what runs.
"""

import asyncio
from dataclasses import dataclass

from linkpool.chain.clock import ChainClock
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.follow import Follower
from linkpool.chain.history import block_at
from linkpool.chain.keys import Key
from linkpool.chain.stream import TxStream
from linkpool.chain.types import parse_head
from linkpool.replica.answers import Answers, Target
from linkpool.replica.calls import Calls
from linkpool.replica.case import Tools
from linkpool.replica.catalog import CatalogBook
from linkpool.replica.heads import Heads
from linkpool.replica.landing import Landings
from linkpool.replica.metrics import Metrics
from linkpool.replica.probe import Prober
from linkpool.replica.requests import FOLLOWED, RequestBook
from linkpool.replica.roster import RosterBook
from linkpool.replica.runner import Outside, Runner
from linkpool.replica.sends import Sends
from linkpool.replica.serving import Serving
from linkpool.replica.trials import Trials
from linkpool.replica.turn import Turn
from linkpool.replica.unasked import Unasked
from linkpool.replica.worth import Purse
from linkpool.units import Wei
from linkpool.wire.agent import Member

LOOK_BACK_SECONDS = 3600
"""A starting replica reads this far back: the window, and eleven times that for late uncovered answers."""

RECONCILE_SECONDS = 30.0
STALE_RECONCILE_SECONDS = 4 * RECONCILE_SECONDS
STALE_BLOCKS, MIN_STALE_SECONDS = 3, 5.0
SLOTS = 6


@dataclass(frozen=True)
class Identity:
    """Who this replica is. `order` (its slot) only spreads work that siblings do at different times."""

    task: str
    key: Key
    chain_id: int
    target: Target
    order: int = 0


async def look_back(endpoints: Endpoints) -> int:
    """The block from which a starting replica reads. Raises EndpointTrouble."""
    head = parse_head(await endpoints.call("eth_getBlockByNumber", "latest", False))
    return await block_at(endpoints, head.timestamp - LOOK_BACK_SECONDS)


class Core:
    """One replica at work. `start`: the first block to read (`look_back`)."""

    def __init__(
        self,
        who: Identity,
        endpoints: Endpoints,
        outside: Outside,
        metrics: Metrics,
        *,
        max_fee: Wei,
        start: int,
    ) -> None:
        self.who, self.endpoints, self.metrics = who, endpoints, metrics
        self.clock = ChainClock()
        self.heads = Heads()
        self.roster = RosterBook(Member(task=who.task, sender=who.key.address, primary=True))
        self.catalog = CatalogBook(outside.bridges)
        self.stream = TxStream(endpoints, who.key, self.clock, chain_id=who.chain_id)
        self.follower = Follower(
            endpoints,
            self.clock,
            (who.target.address,),
            tuple(event.topic() for event in FOLLOWED),
            start=start,
            reconcile_every=RECONCILE_SECONDS,
            reconcile_offset=who.order % SLOTS * RECONCILE_SECONDS / SLOTS,
        )
        self.turn = Turn(self.roster, self.clock, Landings(endpoints, self.heads, self.clock).settle)
        self._max_fee = max_fee
        book = RequestBook()
        sends = Sends(self.stream, self.clock, self.heads, lambda: max_fee)
        self._answers = Answers(
            endpoints, self.stream, who.key.address, who.target, self.clock.now, self.purse, book.current
        )
        self.tools = Tools(
            clock=self.clock,
            heads=self.heads,
            roster=self.roster,
            turn=self.turn,
            trials=Trials(self.roster),
            runner=Runner(outside, Calls(endpoints), who.chain_id, self.catalog.job, sends.send),
            answers=self._answers,
            metrics=metrics,
            purse=self.purse,
            current=book.current,
        )
        self.serving = Serving(self.follower, self.stream, book, self.tools)
        self.unasked = Unasked(self.catalog, self.tools, who.chain_id)
        self.prober = Prober(
            endpoints,
            self.tools.runner,
            self.catalog,
            self.serving.answers,
            sender=who.key.address,
            target=who.target.address,
            synced=self.serving.synced,
        )
        self.callbacks = outside.callbacks

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.follower.run(), name="follower")
            tasks.create_task(self.stream.run(), name="stream")
            tasks.create_task(self._answers.run(), name="answers")
            tasks.create_task(self.serving.run(), name="serving")
            tasks.create_task(self.unasked.run(), name="unasked")
            tasks.create_task(self.prober.run(), name="prober")

    def purse(self) -> Purse:
        """What answers may cost now."""
        return Purse(self._max_fee, self.roster.link_price)

    @property
    def idle(self) -> bool:
        """Nothing is in hand and nothing of ours is on its way to a block."""
        return not self.tools.in_hand and self.stream.waiting == 0

    def stale(self) -> str | None:
        """Why what this replica sees may be old, or None."""
        now = asyncio.get_running_loop().time()
        head, age = self.heads.latest, now - self.heads.at
        if head is None:
            return "no block seen yet"
        if age > max(STALE_BLOCKS * self.clock.block_time, MIN_STALE_SECONDS):
            return f"no new block for {age:.0f} s after block {head.number}"
        reconciled = self.follower.last_reconciled
        if reconciled and now - reconciled.at > STALE_RECONCILE_SECONDS:
            return f"not compared with a second endpoint since block {reconciled.block}"
        return None

    def unready(self) -> str | None:
        """Why a sibling should be asked first, or None."""
        if self.stream.funds.short:
            return f"its sender {self.who.key.address} cannot pay: {self.stream.funds.balance} wei"
        return self.stale()
