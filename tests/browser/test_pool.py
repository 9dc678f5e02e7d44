"""What the pool says of itself as it changes: the guard's marks, its fee, and who waits for room."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, expect

from linkpool.api.client_growth import guard, put_guard
from linkpool.contracts.pool import Pool, Status
from linkpool.wire.guard import GuardSettings, NumberSource, PutGuard
from tests.browser.test_access import judged_everywhere
from tests.support.pages import visit
from tests.support.pool import RealPool

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_guard_says_why_growth_is_blocked_and_what_lifts_it(
    pool: RealPool, browser: Browser
) -> None:
    ours = (await guard(pool.control)).ours

    async def counted(times: int) -> None:
        source = NumberSource(kind="number", nodes=times * ours)
        await put_guard(pool.control, PutGuard(guard=GuardSettings(source=source, upper=0.08, lower=0.05)))

    async with visit(browser, pool, rich=False) as at:
        await at.go("/pool")
        await expect(at.page.get_by_text("Not watched", exact=True)).to_be_visible()
        try:
            await counted(10)
            await expect(at.page.get_by_text("Growth blocked", exact=True)).to_be_visible()
            await expect(at.page.get_by_text(re.compile("are ours: 10.00%, above 8.00%"))).to_be_visible()
            await expect(
                at.page.get_by_text(re.compile(r"lifted once a fresh count finds the share below 5.0.%"))
            ).to_be_visible()
            await judged_everywhere(at.page)
            await counted(100)
            await expect(at.page.get_by_text("May grow", exact=True)).to_be_visible()
            await expect(at.page.get_by_text("lifted once")).to_have_count(0)
            await expect(at.page.get_by_text(f"{ours} of {100 * ours} nodes")).to_have_count(1)
        finally:
            await put_guard(pool.control, PutGuard(guard=None))
        assert (at.troubles, at.foreign) == ([], [])


async def test_a_rise_of_the_fee_is_announced_wherever_it_matters(pool: RealPool, browser: Browser) -> None:
    contract = Pool(pool.found.deployment.pool)
    rises = "The maker fee rises to 15\u202f%"
    async with visit(browser, pool, rich=False) as at:
        await at.go("/pool")
        await expect(at.page.get_by_text("10\u202f%", exact=True)).to_be_visible()
        await pool.owner.send(contract.announce_fee(1_500))
        try:
            await expect(at.page.get_by_text(rises)).to_be_visible()
            await expect(at.page.get_by_role("row").filter(has_text="15\u202f% announced")).to_be_visible()
            await at.go(f"/nodes/{pool.oracle}")
            await expect(at.page.get_by_text(rises)).to_be_visible()
            await at.go(f"/nodes/{pool.oracle}/stake")
            await expect(at.page.get_by_text(re.compile("15\u202f% from [A-Z]"))).to_be_visible()
        finally:
            await pool.owner.send(contract.announce_fee(1_000))  # down, or the same: at once
        await expect(at.page.get_by_text("Fee, announced")).to_have_count(0)
        await at.go("/pool")
        await expect(
            at.page.get_by_role("row").filter(has_text="10\u202f% from then on").first
        ).to_be_visible()
        await expect(at.page.get_by_text(rises)).to_have_count(0)


@asynccontextmanager
async def full(pool: RealPool) -> AsyncIterator[None]:
    """No node has room in here."""
    contract, before = Pool(pool.found.deployment.pool), {}
    for node in await pool.control.nodes():
        books = await contract.node(node.id or "").ask(pool.rpc)
        if books.status == Status.ACTIVE:
            before[node.id or ""] = books.capacity
            await pool.owner.send(contract.set_capacity(node.id or "", books.assets))
    try:
        yield
    finally:
        for id, capacity in before.items():
            await pool.owner.send(contract.set_capacity(id, capacity))


async def test_who_joins_the_waiting_list_by_signature_is_told_when_there_is_room(
    pool: RealPool, browser: Browser
) -> None:
    there_is_room = "There is room for your 1,000.00 LINK now."
    async with visit(browser, pool) as at:
        async with full(pool):
            await at.go("/")
            await expect(at.page.get_by_text("Full", exact=True).first).to_be_visible()
            await at.go("/pool")
            await at.connect()
            await at.page.get_by_label("I would stake").fill("1000")
            await at.page.get_by_role("button", name="Sign and join").click()
            await expect(at.page.get_by_text("You wait with 1,000.00 LINK.")).to_be_visible()
            await at.page.get_by_role("link", name="Nodes", exact=True).click()
            await expect(at.page.get_by_role("heading", name="Nodes", level=1)).to_be_visible()
            await expect(at.page.get_by_text(there_is_room)).to_have_count(0)
        await expect(at.page.get_by_text(there_is_room)).to_be_visible()
        await at.page.get_by_role("link", name="Pool", exact=True).click()
        await at.page.get_by_role("button", name="Leave the list").click()
        await expect(at.page.get_by_role("button", name="Leave the list")).to_have_count(0)
        assert at.wallet.asked.count("eth_signTypedData_v4") == 2
        assert "eth_sendTransaction" not in at.wallet.asked
