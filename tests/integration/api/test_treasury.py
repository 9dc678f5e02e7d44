"""The treasury on a real chain: a stolen key is noticed, and offers close before the coin is gone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from linkpool.chain.endpoint import connect
from linkpool.chain.keys import Key
from linkpool.contracts.pool import Pool as PoolContract
from linkpool.fleet.secrets.keys import Keyring
from linkpool.jobs.spec import parse_job
from linkpool.units import Slot
from tests.support.control import MASTER, Ground, control_plane, ground
from tests.support.job_text import JOB

GWEI = 10**9
THIEF = Key("0x" + "77" * 32).address
SPEC_ID = parse_job(JOB).spec_ids[0]
PATIENCE = 120
"""Seconds that a busy machine has for anything."""


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path, block_time=1) as made:
        yield made


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at the money every second."""
    monkeypatch.setattr("linkpool.fleet.treasury.held.EVERY", 1.0)


async def look(client: httpx.AsyncClient, path: str) -> Any:
    return (await client.get(f"/api/v1{path}")).raise_for_status().json()


async def serving(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """The replicas of the first node, once two are alive."""
    async with asyncio.timeout(PATIENCE):
        while True:
            nodes = (await look(client, "/nodes"))["nodes"]
            alive = [replica for replica in nodes[0]["replicas"] if replica["in_roster"]] if nodes else []
            if len(alive) == 2 and nodes[0]["state"] == "serving":
                return alive
            await asyncio.sleep(0.05)


def rob(pool: Ground, key: Key) -> str:
    """Take all but the gas; the transaction's hash."""
    balance = int(pool.chain.rpc("eth_getBalance", key.address, "latest"), 16)
    raw, _ = key.sign(
        {
            "to": THIEF,
            "value": balance - 21_000 * 10 * GWEI,
            "gas": 21_000,
            "gasPrice": 10 * GWEI,
            "nonce": int(pool.chain.rpc("eth_getTransactionCount", key.address, "latest"), 16),
            "chainId": 31337,
            "data": "0x",
        }
    )
    return str(pool.chain.rpc("eth_sendRawTransaction", "0x" + raw.hex()))


async def test_a_stolen_key_is_noticed_on_a_real_chain(pool: Ground) -> None:
    async with control_plane(pool.settings()) as control:
        await control.client.post("/api/v1/nodes", json={})
        before = await serving(control.client)
        victim = next(replica for replica in before if replica["slot"] == 0)
        async with asyncio.timeout(PATIENCE):
            while not any(
                one["address"] == victim["sender"] and int(one["balance"]) > 0
                for one in (await look(control.client, "/treasury"))["accounts"]
            ):
                await asyncio.sleep(0.1)
        stolen = Key(Keyring(MASTER).sender(1, Slot(0)))
        assert stolen.address == victim["sender"]
        hash_ = rob(pool, stolen)
        async with asyncio.timeout(PATIENCE):
            while not (
                found := [
                    alarm
                    for alarm in (await look(control.client, "/alarms"))["alarms"]
                    if alarm["kind"] == "slot_frozen"
                ]
            ):
                await asyncio.sleep(0.1)
        (alarm,) = found
        assert (alarm["subject"], alarm["severity"]) == (stolen.address, "critical")
        assert hash_ in alarm["detail"]
        node = (await look(control.client, "/nodes"))["nodes"][0]["id"]
        assert f"linkpool node revoke {node} {stolen.address}" in alarm["detail"], "what to do about it"
        async with asyncio.timeout(PATIENCE):
            while victim["task"] in {replica["task"] for replica in await serving(control.client)}:
                await asyncio.sleep(0.1)
        assert stolen.address not in {replica["sender"] for replica in await serving(control.client)}
        money = await look(control.client, "/treasury")
        (frozen,) = [one for one in money["accounts"] if one["frozen"]]
        assert (frozen["address"], frozen["held"]) == (stolen.address, False)
        assert int(frozen["day"]) == int(money["high"]), "it was filled once and never again"
        answer = await control.client.post(f"/api/v1/treasury/unfreeze/{stolen.address}")
        assert answer.status_code == 200
        assert answer.json()["frozen"] is None
        gone = await control.client.post(f"/api/v1/treasury/unfreeze/{THIEF}")
        assert gone.status_code == 404


async def test_offers_on_chain_close_before_the_treasury_is_empty_and_open_when_it_is_filled(
    pool: Ground,
) -> None:
    book = PoolContract(pool.deployment.pool)
    treasury = Key(Keyring(MASTER).treasury()).address

    async with control_plane(pool.settings()) as control, aiohttp.ClientSession() as http:
        endpoint = connect(pool.chain.http, http)

        async def until(is_open: bool) -> None:
            async with asyncio.timeout(PATIENCE):
                while (await book.offer(SPEC_ID).ask(endpoint)).open is not is_open:
                    await asyncio.sleep(0.1)

        await control.client.post("/api/v1/nodes", json={})
        await serving(control.client)
        terms = {"payment": str(10**17), "base_fee_ceiling": str(10**12)}
        job = {"text": JOB, "offer": terms}
        answer = await control.client.post("/api/v1/catalog", json={"jobs": [job], "bridges": {}})
        assert answer.status_code == 200, answer.text
        await until(True)
        money = await look(control.client, "/treasury")
        pool.chain.rpc("anvil_setBalance", treasury, hex(int(money["floor"]) * 9 // 10))
        await until(False)
        money = await look(control.client, "/treasury")
        assert "treasury" in money["hold"]
        assert int(money["balance"]) > 0
        assert all(int(one["balance"]) >= int(money["low"]) for one in money["accounts"] if one["held"])

        async def kinds() -> set[str]:
            return {alarm["kind"] for alarm in (await look(control.client, "/alarms"))["alarms"]}

        async with asyncio.timeout(PATIENCE):
            while not {"offers_held", "treasury_low"} <= await kinds():
                await asyncio.sleep(0.1)
        pool.chain.rpc("anvil_setBalance", treasury, hex(int(money["floor"]) * 4))
        await until(True)
        assert (await look(control.client, "/treasury"))["hold"] is None
        await endpoint.close()
