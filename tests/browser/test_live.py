"""The pages live by themselves: a node appears, a server that is gone is said to be, what was read stays."""

import re

import pytest
from playwright.async_api import Browser, expect

from linkpool.api.client import until_serving
from tests.support.pages import visit
from tests.support.pool import RealPool

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_new_node_appears_by_itself_and_is_marked(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool) as at:
        await at.go("/")
        rows = at.page.locator("tbody tr")
        await expect(rows.first).to_be_visible()
        before = await rows.count()
        made = await pool.control.make_node()
        await expect(rows).to_have_count(before + 1, timeout=120_000)
        await expect(at.page.locator("tbody tr.fresh")).to_have_count(1)
        await expect(at.page.get_by_text("1 new node appeared.")).to_be_attached()
        await until_serving(pool.control, made.node.index, 180)
        assert (at.troubles, at.foreign) == ([], [])


async def test_a_server_that_is_gone_and_back(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool) as at:
        await at.go("/")
        row = at.page.locator("tbody tr").filter(has_text=pool.oracle[-4:])
        await expect(row).to_be_visible()
        await pool.plane.kill()
        await expect(at.page.get_by_text("The pool's server does not answer.")).to_be_visible()
        await expect(row).to_be_visible()
        await at.page.get_by_role("link", name="Pool", exact=True).click()
        await expect(at.page.get_by_text("The pool's server does not answer.").first).to_be_visible()
        await pool.plane.start()
        await expect(at.page.get_by_text("The pool's server does not answer.")).to_have_count(
            0, timeout=120_000
        )
        await at.page.get_by_role("link", name="Nodes", exact=True).click()
        await pool.ask(1)
        await pool.settled()
        assert at.foreign == []


async def test_what_is_not_there_is_said(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool) as at:
        await at.go("/nodes/0x0000000000000000000000000000000000000001")
        await expect(at.page.get_by_text("No node is registered at this address.")).to_be_visible()
        await at.go("/nowhere")
        await expect(at.page.get_by_role("heading", name="No such page")).to_be_visible()
        await at.go("/position/0x0000000000000000000000000000000000000001")
        await expect(at.page.get_by_text("This address has no stake in this pool.")).to_be_visible()
        await at.go("/position")
        await at.page.get_by_label("Address").fill(pool.found.staker.address)
        await at.page.get_by_role("button", name="Look").click()
        await expect(at.page.locator("tbody tr").first).to_contain_text("1,000.00")
        await expect(at.page.get_by_role("button", name=re.compile("^Claim"))).to_have_count(0)


async def test_sorting_filtering_and_searching_by_keyboard(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool) as at:
        await at.go("/")
        await at.page.keyboard.press("Tab")
        await expect(at.page.get_by_role("link", name="Skip to the content")).to_be_focused()
        head = at.page.get_by_role("columnheader", name="Answered")
        await head.get_by_role("button").focus()
        await at.page.keyboard.press("Enter")
        await expect(head).to_have_attribute("aria-sort", "descending")
        await at.page.keyboard.press("Enter")
        await expect(head).to_have_attribute("aria-sort", "ascending")
        await at.page.get_by_label("Search by address").fill(pool.oracle[-6:])
        await expect(at.page.locator("tbody tr")).to_have_count(1)
        await at.page.get_by_label("Search by address").fill("zz")
        await expect(at.page.get_by_text("No node fits.")).to_be_visible()
