"""The ceiling of the harness itself: requests a second that load, dev chain and counting bear by themselves.

In place of control plane and replicas stands an answerer that fetches nothing and decides nothing: it answers
whatever is in a block at once, 32 in a transaction. What other benches reach is to be read beside this.
A rate is sustained when the chain took all requests in that time (two blocks of 1 s more at most), and 99 of
100 answers came within two blocks.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import aiohttp

from bench._pool import SETTLE_SECONDS, Load, percentile, report
from linkpool import log as logs
from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.keys import Key
from linkpool.contracts.invite import Invite
from linkpool.contracts.oracle import MAX_BATCH, Answer, Oracle, batch_gas
from linkpool.contracts.pool import Offer, Pool
from linkpool.dev.account import Account
from linkpool.dev.anvil import dev_chain, find_anvil, tick
from linkpool.dev.folder import Folder, hold
from linkpool.dev.job import SPEC_ID
from linkpool.dev.pool import BASE_FEE_CEILING, PAYMENT, PENALTY, Found, found, stake
from linkpool.dev.processes import claim_port
from linkpool.dev.tally import Tally
from linkpool.dev.up import CHAIN_ID, DevPool, project_root
from linkpool.fleet.secrets.keys import unseal
from linkpool.units import link

RATES = (100, 200, 400, 800, 1_200)
SECONDS = 10.0
PROMPT_BLOCKS = 2
TICK = 0.05
GWEI = 10**9
FAR = 2**40


@dataclass(frozen=True)
class Bare:
    """As much of a `DevPool` as a `Load` uses."""

    found: Found
    oracle: str
    rpc: Endpoints


class Answerer:
    """One sender that answers every open request as soon as the tally has seen it."""

    def __init__(self, rpc: Endpoints, sender: Account, tally: Tally) -> None:
        self._rpc, self._sender, self._tally = rpc, sender, tally
        self._oracle = Oracle(tally.oracle)
        self._nonce = 0
        self._done = 0

    async def run(self) -> None:
        """Look and answer, for ever."""
        while True:
            await self._tally.update()
            fresh = list(self._tally.fates.values())[self._done :]
            self._done += len(fresh)
            rows = [Answer(f.request.terms, f.request.terms.request_id + (1).to_bytes(32)) for f in fresh]
            for start in range(0, len(rows), MAX_BATCH):
                await self._send(rows[start : start + MAX_BATCH])
            await asyncio.sleep(TICK)

    async def _send(self, rows: list[Answer]) -> None:
        fields = {
            "chainId": CHAIN_ID,
            "nonce": self._nonce,
            "to": self._oracle.address,
            "value": 0,
            "data": "0x" + self._oracle.fulfill_many(rows).data.hex(),
            "gas": batch_gas(len(rows)),
            "maxFeePerGas": 500 * GWEI,
            "maxPriorityFeePerGas": GWEI,
        }
        raw, _ = self._sender.key.sign(fields)
        self._nonce += 1
        await self._rpc.call("eth_sendRawTransaction", "0x" + raw.hex())


async def _node(rpc: Endpoints, folder: Folder, standing: Found, sender: Key) -> str:
    """A node with that sender, staked on, and an offer for the demo job; its id."""
    manager = Account(rpc, CHAIN_ID, unseal(folder.passphrase.read_text().strip(), folder.keys).manager())
    pool, wallet = Pool(standing.deployment.pool), Account(rpc, CHAIN_ID).address
    invite = Invite(wallet, (sender.address,), link(100_000), FAR, 1)
    await standing.requester.send(
        pool.register(invite, invite.sign(CHAIN_ID, pool.address, manager.key.sign_digest))
    )
    await manager.send(pool.set_offer(Offer(SPEC_ID, PAYMENT, PENALTY, BASE_FEE_CEILING, open=True)))
    node = await pool.node_of(wallet).ask(rpc)
    await stake(standing, node)
    return node


@asynccontextmanager
async def harness() -> AsyncIterator[Load]:
    """Chain, contracts, load and tally, and the answerer in the place of everything else."""
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="linkpool-bench-")))
        folder = stack.enter_context(hold(root))
        await folder.clear()
        folder.logs.mkdir(exist_ok=True)
        logs.configure(stack.enter_context((root / "bench.log").open("w")))
        port = claim_port(0, "the dev chain", "nothing")
        binary = find_anvil(project_root())
        chain = await stack.enter_async_context(dev_chain(binary, port, folder.logs / "chain.log"))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        endpoint = connect(chain.ws, http)
        stack.push_async_callback(endpoint.close)
        rpc = Endpoints([endpoint], chain_id=CHAIN_ID)
        standing = await found(rpc, folder)
        sender = Account(rpc, CHAIN_ID)
        await sender.fund()
        node = await _node(rpc, folder, standing, sender.key)
        await tick(rpc)
        tally = Tally(rpc, node, standing.deployment.block)
        answering = asyncio.create_task(Answerer(rpc, sender, tally).run())
        try:
            # A Load asks for nothing else of a pool.
            yield Load(cast(DevPool, Bare(standing, node, rpc)), tally)
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)


async def measure() -> Mapping[str, object]:
    """Figures by rate, and the highest rate that was sustained."""
    figures: dict[str, object] = {}
    sustained = 0
    async with harness() as load:
        for rate in RATES:
            found_at_rate = await _at(load, rate)
            figures[f"at_{rate}_per_s"] = found_at_rate
            if not found_at_rate["sustained"]:
                break
            sustained = rate
        return {"sustained_per_s": sustained, **figures, "missed": load.missed}


async def _at(load: Load, rate: int) -> dict[str, object]:
    first, asked = load.tally.next_block, load.asked
    await load.steady(rate, SECONDS)
    await load.settled(SETTLE_SECONDS)
    delays = load.delays(first, load.tally.next_block)
    made = [fate.request.log.block_number for fate in load.tally.fates.values()][asked:]
    blocks = max(made) - min(made) + 1
    late = percentile(delays, 0.99)
    return {
        "requests": load.asked - asked,
        "answered": len(delays),
        "asked_in_blocks": blocks,
        "delay_p50_blocks": percentile(delays, 0.5),
        "delay_p99_blocks": late,
        "sustained": blocks <= SECONDS + PROMPT_BLOCKS and late is not None and late <= PROMPT_BLOCKS,
    }


def main(arguments: list[str]) -> None:
    """`python -m bench ceiling`."""
    report("ceiling", arguments, measure)
