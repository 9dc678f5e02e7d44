"""As many nodes as this machine holds, each with two replicas: what they cost, and an upgrade of all.

    python -m bench fleet --nodes 110 --wave 10 --minutes 25 --json

Real processes behind two relays. A node is made only while the memory for it, and for a wave of an upgrade,
is there; how many were not is a figure too: the rest goes to another machine, on the swarm or ecs engine.
Every node is asked once when all serve, and again and again while all are upgraded in waves: a node that
nobody asks stays a minute between its colours, to be asked (`docs/decisions/0402`). What is not done in the
minutes is left out and told; how far it is goes to stderr. Target (design, section 9): 110 nodes, 220
replicas on 2 cores and 24 GB.
"""

import argparse
import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from bench._pool import Load, percentile, pool, report
from bench._processes import cpu_seconds, pss_mb, running
from bench.upgrade import same_again
from linkpool.api.client import ControlTrouble, serving
from linkpool.api.client_money import treasury
from linkpool.api.client_rollouts import OVER, rollout, start_rollout
from linkpool.dev.job import SPEC_ID, demo_parameters
from linkpool.dev.pool import PAYMENT
from linkpool.dev.tally import Tally
from linkpool.engines.memory import RESERVE_BYTES, TASK_BYTES, room
from linkpool.fleet.running.groups import REPLICAS
from linkpool.units import WHOLE
from linkpool.wire.api import NodeView
from linkpool.wire.rollout import RolloutView, StartRollout

AT_ONCE = 3
"""Nodes on their way at the same time."""
MAKING_SHARE = 0.5
"""Of the time, for making nodes; what is not there then is left out."""
REST_SECONDS = 30.0
ASK_EVERY, ASK_TIMES = 5.0, 4
"""While nodes are upgraded, so that both new replicas of each soon have one to answer."""
ANSWER_SECONDS = 120.0
TELL_EVERY = 10.0
STRAGGLER_SECONDS = 60.0
"""Nodes that were asked for in time get so long after it."""
COINS = 100_000 * WHOLE


@dataclass(frozen=True)
class Plan:
    """What the command line asks for."""

    nodes: int
    wave: int
    minutes: float


def tell(text: str) -> None:
    """How far it is, for who watches."""
    print(f"fleet: {text}", file=sys.stderr, flush=True)


async def measure(plan: Plan) -> Mapping[str, object]:
    """Make them, look at them at rest, ask each of them, upgrade all."""
    os.environ["LINKPOOL_GAS_POOL_DAILY"] = str(COINS)  # a fleet in minutes is not what the limit is for
    async with pool(relays=2) as load:
        chest = (await treasury(load.pool.control)).address
        await load.pool.rpc.call("anvil_setBalance", chest, hex(COINS))
        loop = asyncio.get_running_loop()
        began = loop.time()
        nodes = await _make(load, plan, until=began + 60 * plan.minutes * MAKING_SHARE)
        made = loop.time() - began
        fleet = Fleet(load, [node.id for node in nodes if node.id])
        figures = {
            "nodes_wanted": plan.nodes,
            "nodes_serving": len(nodes),
            "nodes_that_do_not_fit": plan.nodes - len(nodes),
            "seconds_to_make_them": round(made, 1),
            **_memory(nodes),
            "memory_set_aside_mb": {"a_task": TASK_BYTES >> 20, "the_rest": RESERVE_BYTES >> 20},
            **await _at_rest(load),
            **await fleet.asked_once(),
        }
        tell(
            f"{len(nodes)} nodes after {made:.0f} s, {figures['nodes_that_answered']} answered; now upgrading"
        )
        return {**figures, **await _upgrade(fleet, plan, until=began + 60 * plan.minutes)}


async def _make(load: Load, plan: Plan, until: float) -> Sequence[NodeView]:
    """Nodes that serve: as many as are wanted, or as fit, or as there are then."""
    loop, wanted, told = asyncio.get_running_loop(), 1, 0.0
    while True:
        ready = [node for node in await _nodes(load) if serving(node)]
        late = loop.time() > until
        while (
            not late
            and wanted < plan.nodes
            and wanted - len(ready) < AT_ONCE
            and _fits(wanted - len(ready) + 1, plan)
        ):
            await load.pool.control.make_node(key=f"fleet-{wanted}")
            wanted += 1
        if len(ready) >= wanted and (late or wanted >= plan.nodes or not _fits(1, plan)):
            return ready
        if loop.time() > until + STRAGGLER_SECONDS:
            return ready
        if loop.time() - told > TELL_EVERY:
            tell(f"{len(ready)} of {plan.nodes} nodes serve, {wanted} asked for, room for {room()} replicas")
            told = loop.time()
        await asyncio.sleep(0.5)


def _fits(nodes: int, plan: Plan) -> bool:
    """Whether so many nodes more fit beside a wave of an upgrade."""
    return room() >= REPLICAS * (nodes + plan.wave)


async def _nodes(load: Load) -> list[NodeView]:
    """All nodes; none while a busy control plane does not answer in time."""
    try:
        return await load.pool.control.nodes()
    except ControlTrouble:
        return []


def _memory(nodes: Sequence[NodeView]) -> Mapping[str, object]:
    pss = [pss_mb(replica.pid) for node in nodes for replica in node.replicas if replica.pid]
    return {
        "replicas": len(pss),
        "replicas_pss_mb": round(sum(pss)),
        "replica_pss_p50_mb": percentile(pss, 0.5),
        "replica_pss_max_mb": max(pss, default=None),
    }


async def _at_rest(load: Load) -> Mapping[str, object]:
    """What the control plane costs while nothing happens."""
    pid = running(str(load.pool.folder.config))
    before = cpu_seconds(pid)
    await asyncio.sleep(REST_SECONDS)
    busy = (cpu_seconds(pid) - before) / REST_SECONDS
    return {"control_plane_cpu_percent": round(100 * busy, 1), "control_plane_pss_mb": pss_mb(pid)}


class Fleet:
    """Asks every node, and counts from the chain."""

    def __init__(self, load: Load, oracles: Sequence[str]) -> None:
        self.load, self.oracles = load, oracles
        block = load.pool.found.deployment.block
        self._tallies = [Tally(load.pool.rpc, oracle, block) for oracle in oracles]
        self.asked = 0

    async def ask(self, times: int = 1) -> None:
        """So many requests to every node."""
        found = self.load.pool.found
        asks = [found.consumer.ask(each, SPEC_ID, PAYMENT, demo_parameters(), times) for each in self.oracles]
        await asyncio.gather(*(found.requester.send(ask) for ask in asks))
        self.asked += len(asks) * times

    async def asked_once(self) -> Mapping[str, object]:
        """A request to every node, and how many blocks the answers took."""
        await self.ask()
        await self.settled()
        fates = [fate for tally in self._tallies for fate in tally.fates.values()]
        delays = [fate.delay for fate in fates if fate.delay is not None]
        return {
            "nodes_that_answered": sum(tally.answered > 0 for tally in self._tallies),
            "answer_delay_p50_blocks": percentile(delays, 0.5),
            "answer_delay_max_blocks": max(delays, default=None),
        }

    async def settled(self) -> int:
        """Return when all were answered, or the time is over; how many were not."""
        loop = asyncio.get_running_loop()
        end = loop.time() + ANSWER_SECONDS
        while True:
            for tally in self._tallies:
                await tally.update()
            missing = self.asked - sum(tally.answered for tally in self._tallies)
            if missing <= 0 or loop.time() > end:
                return missing
            await asyncio.sleep(1.0)

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """`ASK_TIMES` requests to every node each `ASK_EVERY` seconds."""

        async def pour() -> None:
            while True:
                await self.ask(ASK_TIMES)
                await asyncio.sleep(ASK_EVERY)

        pouring = asyncio.create_task(pour())
        try:
            yield
        finally:
            pouring.cancel()
            await asyncio.gather(pouring, return_exceptions=True)


async def _upgrade(fleet: Fleet, plan: Plan, until: float) -> Mapping[str, object]:
    """All nodes in waves, while every one of them is asked; as many as there is time for."""
    loop = asyncio.get_running_loop()
    began, before = loop.time(), cpu_seconds(running(str(fleet.load.pool.folder.config)))
    async with fleet.asking():
        done = await _rolled_out(fleet, plan, until)
    seconds = loop.time() - began
    busy = cpu_seconds(running(str(fleet.load.pool.folder.config))) - before
    tell(f"the upgrade is {done.state} after {seconds:.0f} s: {done.detail}")
    moved = [move for move in done.moves if move.state == "done"]
    each = [sum(spent for state, spent in move.seconds.items() if state != "waiting") for move in moved]
    return {
        "upgrade_state": done.state,
        "upgrade_detail": done.detail,
        "upgraded_nodes": len(moved),
        "upgrade_waves": max((move.wave for move in done.moves), default=0),
        "upgrade_s": round(seconds, 1),
        "upgrade_of_a_node_p50_s": percentile(each, 0.5),
        "upgrade_of_a_node_max_s": max(each, default=None),
        "control_plane_cpu_percent_upgrading": round(100 * busy / seconds, 1),
        "requests": fleet.asked,
        "missed": await fleet.settled(),
    }


async def _rolled_out(fleet: Fleet, plan: Plan, until: float) -> RolloutView:
    """The rollout once it is over, or as it is then."""
    control, loop = fleet.load.pool.control, asyncio.get_running_loop()
    await same_again(control, "next")
    now = (
        await start_rollout(control, StartRollout(release="next", all=True, wave=plan.wave, within=600))
    ).rollout
    told = 0.0
    while now.state not in (*OVER, "stopped") and loop.time() < until:
        await asyncio.sleep(1.0)
        with suppress(ControlTrouble):  # a busy control plane may be late with an answer
            now = await rollout(control, now.id)
        if loop.time() - told > TELL_EVERY:
            states = Counter(move.state for move in now.moves)
            tell(f"{now.state}: " + ", ".join(f"{count} {state}" for state, count in states.items()))
            told = loop.time()
    return now


def main(arguments: list[str]) -> None:
    """`python -m bench fleet`."""
    parser = argparse.ArgumentParser(prog="bench fleet")
    parser.add_argument("--nodes", type=int, default=110, help="nodes wanted, two replicas each")
    parser.add_argument("--wave", type=int, default=10, help="nodes upgraded at once")
    parser.add_argument("--minutes", type=float, default=25.0, help="what takes longer is left out")
    chosen, rest = parser.parse_known_args(arguments)
    report("fleet", rest, partial(measure, Plan(chosen.nodes, chosen.wave, chosen.minutes)))
