"""A staker's whole life on the pages: connect, stake, see it, earn, claim, unstake, wait, withdraw."""

import pytest
from playwright.async_api import Browser, expect

from linkpool.contracts.pool import Pool
from linkpool.units import WHOLE, link
from tests.support.pages import LINK, visit
from tests.support.pool import RealPool
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNBONDING = 7 * 86_400


async def test_from_connecting_to_withdrawing(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool) as at:
        page = at.page
        await at.go("/")
        await at.connect()
        short = f"{pool.oracle[:6]}…{pool.oracle[-4:]}"
        await page.get_by_role("link", name=f"Stake on {short}").click()
        await page.get_by_label("Amount").fill("250")
        await expect(
            page.get_by_text("at most 1 % of its stake a day: of 250.00 LINK, that is 2.50")
        ).to_be_visible()
        await page.get_by_role("button", name="Stake 250.00 LINK").click()
        await expect(page.get_by_role("heading", name="Stake 250.00 LINK")).to_be_visible()
        await expect(page.get_by_text("Your stake is in the chain")).to_be_visible()
        assert at.wallet.asked == ["eth_requestAccounts", "eth_sendTransaction"], "one transaction"

        await page.get_by_role("link", name="Nodes", exact=True).click()
        row = page.get_by_role("row").filter(has_text=short)
        books = await Pool(pool.found.deployment.pool).node(pool.oracle).ask(pool.rpc)
        await expect(row).to_contain_text(f"{books.assets // WHOLE:,} / 100,000")

        await pool.ask(5)
        await pool.answered(0)
        await pool.settled()
        await page.get_by_role("link", name="My position").first.click()
        await expect(page.get_by_role("row").filter(has_text=short)).to_contain_text("250.00")
        claim = page.get_by_role("button", name="Claim 0.0", exact=False)
        await expect(claim).to_be_enabled()
        before = await pool.link.balance_of(at.wallet.address).ask(pool.rpc)
        await claim.click()
        await expect(page.get_by_text("Confirmed.", exact=True)).to_be_visible()
        after = await pool.link.balance_of(at.wallet.address).ask(pool.rpc)
        # its part of five answers at 0.1 LINK, after 10 %
        income = link("0.45") * link(250) // books.assets
        assert after - before == pytest.approx(income, abs=10)
        await page.get_by_role("button", name="Done").click()

        async with page.expect_download() as saving:
            await page.get_by_role("button", name="Save as CSV").click()
        text = (await (await saving.value).path()).read_text()
        assert [line.split(",")[3] for line in text.splitlines()] == ["event", "Staked", "Claimed"]
        assert ",250," in text

        await page.get_by_role("button", name=f"Unstake from {short}").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name="Max").click()
        await expect(dialog.get_by_text("paid after 7 days")).to_be_visible()
        await dialog.get_by_role("button", name="Unstake 250.00 LINK").click()
        await expect(dialog.get_by_text("Confirmed.", exact=True)).to_be_visible()
        await dialog.get_by_role("button", name="Done").click()
        await page.keyboard.press("Escape")
        withdraw = page.get_by_role("button", name="Withdraw")
        await expect(withdraw).to_be_disabled()
        await expect(page.get_by_text("in 6 days 23 hours")).to_be_visible()

        await pool.rpc.call("evm_increaseTime", UNBONDING)
        pressed = False

        async def paid() -> bool:
            nonlocal pressed
            if not pressed and await withdraw.and_(page.locator(":enabled")).count():
                await withdraw.dispatch_event("click")  # the treasury pushes tickets too, and may be quicker
                pressed = True
            held = await pool.link.balance_of(at.wallet.address).ask(pool.rpc)
            return abs(held - LINK - income) < WHOLE // 10**9

        await until(paid, "the stake is back in the wallet")
        await expect(withdraw).to_have_count(0)
        assert (at.troubles, at.foreign) == ([], [])
