"""An adapter added under 50 requests a second, with a job that asks it: seconds until both are in use.

The pool runs the adapter (examples/adapters/exchange.py), two tasks; the job is on sale when every replica
has it. Then the job is asked, and the adapter's program is exchanged, under the same load.
"""

import asyncio
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from cbor2 import dumps

from bench._pool import Load, healthy, percentile, pool, report
from linkpool.api.client import Client
from linkpool.api.client_catalog import put_bridge, put_job, until_in_use
from linkpool.dev.pool import PAYMENT, TERMS
from linkpool.wire.catalog import Program, PutBridge, PutJob

RATE = 50
AROUND_SECONDS = 5.0
ASKED = 100
WITHIN_SECONDS = 120.0
EXAMPLES = Path(__file__).parents[1] / "examples"
TEXT = (EXAMPLES / "catalog" / "jobs" / "exchange.toml").read_text()
ID = str(tomllib.loads(TEXT)["externalJobID"])
QUESTION = dumps({"from": "EUR", "to": "USD", "times": 100})[1:]


async def add_adapter(client: Client, rate: str = "1.09") -> float:
    """Have the pool run the adapter and serve a job that asks it; seconds until it can be bought."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    command = [sys.executable, str(EXAMPLES / "adapters" / "exchange.py")]
    program = Program(command=command, settings={"RATES": f"EUR={rate}"})
    await put_bridge(client, "exchange", PutBridge(program=program, timeout=2.0))
    change = await put_job(client, ID, PutJob(text=TEXT, offer=TERMS))
    await until_in_use(client, change.revision, WITHIN_SECONDS)
    return loop.time() - begin


async def ask(load: Load) -> None:
    """The new job, in one transaction."""
    found = load.pool.found
    load.asked += ASKED
    job = UUID(ID).hex.encode()
    await found.requester.send(found.consumer.ask(load.pool.oracle, job, PAYMENT, QUESTION, ASKED))


async def measure() -> Mapping[str, object]:
    """Seconds of each act, and what the chain says of every request."""
    async with pool() as load:
        first = await load.tally.update() + 1
        acting = asyncio.create_task(_acts(load))
        while not acting.done():
            await load.steady(RATE, 1.0)
        await load.steady(RATE, AROUND_SECONDS)
        await load.settled()
        await healthy(load)
        last = await load.tally.update()
        delays = load.delays(first, last)
        return {
            "rate_per_s": RATE,
            "requests": load.asked,
            "missed": load.missed,
            "paid_twice": load.tally.paid_twice,
            **await acting,
            "delay_p50_blocks": percentile(delays, 0.5),
            "delay_p99_blocks": percentile(delays, 0.99),
        }


async def _acts(load: Load) -> Mapping[str, float]:
    await asyncio.sleep(AROUND_SECONDS)
    added = await add_adapter(load.pool.control)
    await ask(load)
    await asyncio.sleep(AROUND_SECONDS)
    exchanged = await add_adapter(load.pool.control, rate="1.11")
    await ask(load)
    return {"added_s": round(added, 2), "exchanged_s": round(exchanged, 2)}


def main(arguments: list[str]) -> None:
    """`python -m bench adapter`."""
    report("adapter", arguments, measure)
