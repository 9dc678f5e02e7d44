"""The going of a node, from the moment somebody asks until nothing of it is owed: draining -> retired.

    closed on chain -> no covered request is open, and the window of the last one is over -> retired on chain

Each look compares the chain with that order and sends the one transaction that is missing, so it may be cut
off anywhere. Replicas answer until the end. Stake stays where it is: from `retired` on its owners may move
it at once. What was begun, only the pool's owner can undo (`reopen`); where he does, the node serves again.
"""

from dataclasses import dataclass

import structlog

from linkpool.chain.rpc import Rpc
from linkpool.chain.types import parse_head
from linkpool.contracts.abi import Call
from linkpool.contracts.oracle import WINDOW_SECONDS
from linkpool.contracts.pool import Pool as PoolContract
from linkpool.contracts.pool import Status
from linkpool.errors import LinkPoolError, Permanent
from linkpool.fleet.alarms import Kind
from linkpool.fleet.nodes.lapse import Lapses, Sends
from linkpool.fleet.nodes.wishes import RETIRE
from linkpool.fleet.office import Office
from linkpool.fleet.pool import NodeOnChain, Pool
from linkpool.store import chain_history, chain_rows, events, nodes, operations, retirements
from linkpool.store.scaling_tables import RetirementRow
from linkpool.store.tables import NodeRow, NodeState, OperationState
from linkpool.units import show

log = structlog.get_logger(__name__)

GAS = 200_000
"""Of `drain`, `retire`, `lapse` and `revoke_invite`: twice what the dearest of them takes."""


@dataclass(frozen=True)
class _Seen:
    """A node that shall go, as it stood at the latest at block `head`. now: that block's time."""

    row: NodeRow
    plan: RetirementRow
    chain: NodeOnChain
    head: int
    now: int

    @property
    def oracle(self) -> str:
        return self.row.oracle or ""


class Retirement:
    """Takes every draining node one step further, as the leader of `epoch`."""

    def __init__(self, office: Office, *, pool: Pool, rpc: Rpc, manager: Sends) -> None:
        self._office = office
        self._pool = pool
        self._rpc = rpc
        self._manager = manager
        self._calls = PoolContract(pool.facts.pool)
        self._lapses = Lapses(office, rpc, manager, gas=GAS)
        self._said: dict[int, str] = {}

    async def step(self) -> bool:
        """One look at every node that shall go; whether any shall.

        Raises EndpointTrouble, StoreUnreachable, LeaseLost.
        """
        async with self._office.read() as session:
            rows = await nodes.in_states(session, {NodeState.DRAINING})
            plans = {row.index: await retirements.get(session, row.index) for row in rows}
        if not rows:
            return False
        on_chain = await self._pool.nodes()
        head = parse_head(await self._rpc.call("eth_getBlockByNumber", "latest", False))
        troubles: dict[str, str] = {}
        for row in rows:
            plan, chain = plans[row.index], on_chain.get(row.oracle or "")
            if plan is None or chain is None:
                continue  # asked for this very moment, or by a chain that is behind
            try:
                await self._advance(_Seen(row, plan, chain, head.number, head.timestamp))
            except LinkPoolError as error:
                await self._explain(row.index, str(error))
                if isinstance(error, Permanent):
                    troubles[row.oracle or ""] = str(error)
        await self._office.alarms.only(Kind.RETIREMENT_WAITS, troubles)
        return True

    async def _advance(self, seen: _Seen) -> None:
        if seen.chain.status is Status.ACTIVE:
            await self._close(seen)
        elif seen.chain.status is Status.RETIRED:
            await self._done(seen)
        elif seen.plan.closed_at is None:
            async with self._office.lead() as session:
                await retirements.closed(session, seen.row.index, seen.now)
                data = {"index": seen.row.index}
                events.add(session, "node_closed", seen.oracle, data, self._office.clock.now())
            await self._office.journal.wake()
        elif waits := _open(seen, seen.plan.closed_at):
            await self._explain(seen.row.index, waits)
            await self._lapses.step(seen.oracle, seen.now)
        else:
            await self._explain(seen.row.index, "nothing is open: it is being retired on chain")
            await self._send("retire", self._calls.retire(seen.oracle), seen)

    async def _close(self, seen: _Seen) -> None:
        """Closed to stake and requests; or open again, when the owner said so since."""
        if seen.plan.closed_at is not None:
            reopened = await self._reopened(seen, seen.plan.closed_at)
            if reopened:
                await self._take_back(seen)
            if reopened is not False:
                return
        await self._explain(seen.row.index, "it is being closed to stake and requests on chain")
        await self._send("drain", self._calls.drain(seen.oracle), seen)

    async def _send(self, what: str, call: Call[None], seen: _Seen) -> None:
        await self._manager.send(f"{what}:{seen.oracle}", call.to, data=call.request["data"], gas=GAS)

    async def _reopened(self, seen: _Seen, closed_at: int) -> bool | None:
        """Whether the owner did it, and no re-org; None while the indexer is not as far as we looked."""
        async with self._office.read() as session:
            tip = await chain_rows.tip(session)
            found = await chain_history.page(
                session, before=None, limit=1, node=seen.oracle, account=None, kind="NodeReopened"
            )
        if tip is None or tip.number < seen.head:
            return None
        return any(event.time >= closed_at for event in found)

    async def _take_back(self, seen: _Seen) -> None:
        why = "the pool's owner reopened it"
        if await self._move(seen.row, NodeState.SERVING, OperationState.FAILED, why):
            log.warning("node serves again", node=seen.oracle, why=why)

    async def _done(self, seen: _Seen) -> None:
        stake = f"; {show(seen.chain.stake)} LINK of stake may move at once" if seen.chain.stake else ""
        detail = f"retired on chain{stake}; its keys stay derivable"
        if await self._move(seen.row, NodeState.RETIRED, OperationState.DONE, detail):
            log.info("node is retired", node=seen.oracle)

    async def _move(self, row: NodeRow, to: NodeState, state: OperationState, detail: str) -> bool:
        now = self._office.clock.now()
        async with self._office.lead() as session:
            if not await nodes.move_on(session, row.index, NodeState.DRAINING, to, now):
                return False
            await operations.finish_for(session, row.index, RETIRE, state=state, detail=detail, now=now)
            await retirements.forget(session, row.index)
            events.add(session, f"node_{to.value}", row.oracle, {"index": row.index}, now)
        self._said.pop(row.index, None)
        await self._office.journal.wake()
        return True

    async def _explain(self, node: int, what: str) -> None:
        """Say once what it waits for, to whoever looks at its operation."""
        if self._said.get(node) == what:
            return
        async with self._office.lead() as session:
            await operations.explain(session, node, RETIRE, detail=what, now=self._office.clock.now())
        self._said[node] = what


def _open(seen: _Seen, closed_at: int) -> str | None:
    """What is still open in a closed node, for people; None when nothing is."""
    if seen.chain.reserves:
        return f"open requests are covered by {show(seen.chain.reserves)} LINK; they end in a day at most"
    if seen.chain.escrow and seen.now < closed_at + WINDOW_SECONDS:
        left = closed_at + WINDOW_SECONDS - seen.now
        return f"requests are open, the window of the last one ends within {-(-left // 60)} min"
    return None
