"""Staking without a pointer, with motion reduced; and a wallet of the old kind, which announces nothing."""

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.test_access import judged_everywhere
from tests.support.pages import visit
from tests.support.pool import RealPool

pytestmark = pytest.mark.asyncio(loop_scope="session")

FARTHEST = 40
"""Presses of Tab within which anything on a page must be reached."""
ENDLESS = """document.getAnimations()
  .filter(each => each.effect.getComputedTiming().iterations === Infinity).length"""
"""How many animations go on for ever."""


async def tab_to(page: Page, goal: Locator) -> None:
    """Press Tab until it has the focus."""
    await goal.wait_for()
    for _ in range(FARTHEST):
        await page.keyboard.press("Tab")
        if await goal.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{goal} is out of the keyboard's reach")


async def test_staking_by_keyboard_alone_with_motion_reduced(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool) as at:
        page = at.page
        await page.emulate_media(reduced_motion="reduce")
        await at.go(f"/nodes/{pool.oracle}/stake")
        corner = page.get_by_role("banner").locator("button.wallet")
        await tab_to(page, corner)
        await page.keyboard.press("Enter")
        await tab_to(page, page.get_by_role("button", name="Test Wallet"))
        await page.keyboard.press("Enter")
        await expect(corner).to_be_focused()
        await tab_to(page, page.get_by_label("Amount"))
        await page.keyboard.type("6")
        await expect(page.get_by_role("button", name="Stake 6.00 LINK")).to_be_enabled()
        at.wallet.answers.clear()
        await tab_to(page, page.get_by_role("button", name="Stake 6.00 LINK"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Your wallet asks you to sign.")).to_be_visible()
        await expect(page.get_by_role("heading", name="Stake 6.00 LINK")).to_be_focused()
        assert await page.evaluate(ENDLESS) == 0
        await judged_everywhere(page)
        at.wallet.answers.set()
        await expect(page.get_by_text("Your stake is in the chain")).to_be_visible()
        await tab_to(page, page.get_by_role("button", name="Done"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Your stake is in the chain")).to_have_count(0)


async def test_a_wallet_that_only_injects_itself(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool, rich=False, announced=False) as at:
        await at.go("/position")
        await at.page.get_by_role("banner").get_by_role("button", name="Connect wallet").click()
        await at.page.get_by_role("button", name="Browser wallet").click()
        short = f"{at.wallet.address[:6]}…{at.wallet.address[-4:]}"
        await expect(at.page.get_by_role("banner").get_by_role("button", name=short)).to_be_visible()
        await expect(at.page.get_by_text("You have no stake in this pool yet.")).to_be_visible()
