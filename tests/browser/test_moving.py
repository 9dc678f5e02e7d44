"""Stake on two nodes: claimed in one transaction, moved out of one that retires; and all of it in the CSV."""

import csv
import io
import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from playwright.async_api import Browser, Page, expect

from linkpool.api.client import serving, until_serving
from linkpool.api.client_growth import retire, until_over
from linkpool.contracts.pool import stake_data
from linkpool.units import WHOLE, link
from tests.browser.test_access import judged_everywhere
from tests.support.pages import Visit, visit
from tests.support.pool import RealPool

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def another(pool: RealPool) -> RealPool:
    """The same pool, seen from a second node that serves; made where there is none."""
    for node in await pool.control.nodes():
        if node.id not in (None, pool.oracle) and serving(node):
            return replace(pool, oracle=node.id)
    made = await pool.control.make_node()
    node = await until_serving(pool.control, made.node.index, 180)
    return replace(pool, oracle=node.id)


async def staked(at: Visit, node: str, amount: int) -> None:
    """The owner stakes for the visitor."""
    data = stake_data(node, at.wallet.address)
    deployment = at.pool.found.deployment
    await at.pool.owner.send(at.pool.link.transfer_and_call(deployment.pool, amount, data))


async def saved(page: Page) -> list[dict[str, str]]:
    """The lines of the CSV, oldest first."""
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Save as CSV").click()
    text = (await (await saving.value).path()).read_text()
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.timeout(900)
async def test_one_claim_for_two_nodes_and_a_move_out_of_a_retired_one(
    pool: RealPool, browser: Browser
) -> None:
    async with visit(browser, pool) as at:
        page, second = at.page, await another(pool)
        here, gone = pool.oracle, second.oracle
        for node, amount in ((here, link(100)), (gone, link(300))):
            await staked(at, node, amount)
        for each in (pool, second):
            await each.ask(2)
            await each.settled()

        await at.go("/position")
        await at.connect()
        stays = page.get_by_role("row").filter(has_text=f"{here[:6]}…{here[-4:]}")
        goes = page.get_by_role("row").filter(has_text=f"{gone[:6]}…{gone[-4:]}")
        earned = re.compile(r"0\.0*[1-9]")
        await expect(stays.get_by_role("cell").nth(2)).to_have_text(earned)
        await expect(goes.get_by_role("cell").nth(2)).to_have_text(earned)
        before = await pool.link.balance_of(at.wallet.address).ask(pool.rpc)
        await page.get_by_role("button", name=re.compile("^Claim [0-9]")).click()
        await expect(page.get_by_text("Confirmed.", exact=True)).to_be_visible()
        claimed = await pool.link.balance_of(at.wallet.address).ask(pool.rpc) - before
        await page.get_by_role("button", name="Done").click()
        await expect(page.get_by_role("button", name="Nothing to claim")).to_be_visible()

        await expect(goes.get_by_role("button", name="Move")).to_have_count(0)
        await until_over(pool.control, await retire(pool.control, gone), 180)
        await expect(goes.get_by_text("Retired", exact=True)).to_be_visible(timeout=120_000)
        await expect(page.get_by_text("A node you staked on is retired")).to_be_visible()
        await page.get_by_role("button", name="Unstake from").first.click()
        await judged_everywhere(page)
        await page.keyboard.press("Escape")
        await goes.get_by_role("button", name="Move").click()
        await judged_everywhere(page)
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("To").select_option(here)
        await dialog.get_by_role("button", name="Max").click()
        await dialog.get_by_role("button", name="Move", exact=True).click()
        await expect(dialog.get_by_text("Confirmed.", exact=True)).to_be_visible()
        await dialog.get_by_role("button", name="Done").click()
        await page.keyboard.press("Escape")
        await expect(stays).to_contain_text("400.00")
        await expect(goes).to_have_count(0)

        asked = Counter(at.wallet.asked)
        assert asked == {"eth_requestAccounts": 1, "eth_sendTransaction": 2}, "one to claim, one to move"
        lines = await saved(page)
        in_or_over, out = [
            [line for line in lines if (line["event"] == "Claimed") is claims] for claims in (False, True)
        ]
        assert [(each["event"], each["node"], each["to node"], each["LINK"]) for each in in_or_over] == [
            ("Staked", here, "", "100"),
            ("Staked", gone, "", "300"),
            ("Moved", gone, here, "300"),
        ]
        assert {each["node"] for each in out} == {here, gone}
        assert sum(Decimal(each["LINK"]) for each in out) * WHOLE == claimed > 0
        assert all(line["transaction"].startswith("0x") and line["time"] for line in lines)
        assert (at.troubles, at.foreign) == ([], [])
