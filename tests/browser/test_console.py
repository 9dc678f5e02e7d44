"""The operator's console: the way in, a node by one click, an upgrade to its end while requests flow."""

import re
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from linkpool.api.client_rollouts import put_release
from linkpool.api.client_tokens import make_token
from linkpool.wire.api import MakeToken
from linkpool.wire.rollout import PutRelease
from tests.browser.test_access import judged
from tests.support.pages import DESK, PHONE, Visit, visit
from tests.support.pool import RealPool, real_pool, traffic

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGES = {
    "": "Fleet",
    "/nodes/1": "Node 1",
    "/upgrades": "Upgrades",
    "/scaling": "Scaling",
    "/money": "Money",
    "/catalog": "Catalog",
    "/audit": "Audit log",
}
UPGRADE_MS = 180_000
"""How long an upgrade of all nodes may take on a loaded machine."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealPool]:
    """One of its own: other tests count nodes, and replicas of the release they know."""
    async with real_pool(tmp_path_factory.mktemp("console")) as made:
        yield made


async def log_in(at: Visit, token: str) -> Page:
    """Show a token; returns at the fleet."""
    await at.go("/console")
    await at.page.get_by_label("API token").fill(token)
    await at.page.get_by_role("button", name="Log in").click()
    await expect(at.page.get_by_role("heading", name="Fleet", level=1)).to_be_visible()
    return at.page


def admin(pool: RealPool) -> str:
    """The pool's first token."""
    return pool.folder.token.read_text().strip()


async def test_nothing_is_shown_without_a_session(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool, rich=False) as at:
        for path in PAGES:
            await at.go(f"/console{path}")
            await expect(at.page.get_by_label("API token")).to_be_visible()
        await at.page.get_by_label("API token").fill("no-such-token")
        await at.page.get_by_role("button", name="Log in").click()
        await expect(at.page.get_by_role("alert").filter(has_text="not known here")).to_be_visible()

        page = await log_in(at, admin(pool))
        await page.reload()
        await expect(page.get_by_role("heading", name="Fleet", level=1)).to_be_visible()
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_text("You are logged out.")).to_be_visible()
        await page.reload()
        await expect(page.get_by_label("API token")).to_be_visible()
        assert at.foreign == []


async def test_who_may_look_cannot_press(pool: RealPool, browser: Browser) -> None:
    reader = await make_token(pool.control, MakeToken(name="looker", scope="read"))
    async with visit(browser, pool, rich=False) as at:
        page = await log_in(at, reader.token)
        await expect(page.get_by_text("may look", exact=True)).to_be_visible()
        await expect(page.get_by_role("button", name="New node")).to_be_disabled()
        await expect(page.get_by_role("button", name="Retire Node 1")).to_be_disabled()
        await page.get_by_role("link", name="Audit log").click()
        await expect(page.get_by_text("Only a token with the scope admin")).to_be_visible()


async def test_a_node_by_one_click_and_an_upgrade_while_requests_flow(
    pool: RealPool, browser: Browser
) -> None:
    async with visit(browser, pool, rich=False) as at:
        page = await log_in(at, admin(pool))
        before = len(await pool.control.nodes())
        await page.get_by_role("button", name="New node").click()
        await page.get_by_role("dialog").get_by_role("button", name="Make it").click()
        fresh = page.get_by_role("article", name=f"Node {before + 1}", exact=True)
        await expect(fresh.get_by_text("Serving", exact=True)).to_have_count(3, timeout=120_000)
        await expect(
            page.get_by_role("region", name=re.compile("Making a node")).get_by_text("done", exact=True)
        ).to_be_visible()

        command = [sys.executable, "-m", "linkpool.replica"]
        await put_release(pool.control, "next", PutRelease(command=command, settings={"NEXT": "1"}))
        await page.get_by_role("link", name="Upgrades", exact=True).click()
        async with traffic(pool):
            await page.get_by_role("button", name="Upgrade to next").click()
            await page.get_by_role("dialog").get_by_role("button", name="Upgrade to next").click()
            await expect(page.get_by_role("heading", name="Upgrade to next", level=1)).to_be_visible()
            await expect(page.get_by_text("(under way)").first).to_be_attached()
            await expect(page.get_by_role("status").get_by_text("Done", exact=True)).to_be_visible(
                timeout=UPGRADE_MS
            )
        tally = await pool.settled()
        assert tally.answered > 0
        await expect(page.get_by_role("article")).to_have_count(before + 1)
        await page.get_by_role("link", name="Fleet", exact=True).click()
        moved = page.get_by_role("article", name="Node 1", exact=True)
        await expect(moved.get_by_role("rowheader", name=re.compile("Green . primary"))).to_have_count(2)
        assert at.foreign == []


async def test_a_catalog_change_shows_its_difference_first(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool, rich=False) as at:
        page = await log_in(at, admin(pool))
        await page.get_by_role("link", name="Catalog", exact=True).click()
        await page.get_by_role("button", name="Show what would change").click()
        await expect(page.get_by_text("Nothing: this is what is in force.")).to_be_visible()
        text = await page.get_by_label("Catalog", exact=True).input_value()
        bridges = '"bridges": {"aside": {"urls": ["http://127.0.0.1:9/"]}'
        await page.get_by_label("Catalog", exact=True).fill(text.replace('"bridges": {', bridges, 1))
        await page.get_by_role("button", name="Show what would change").click()
        await expect(page.get_by_text("Bridge aside")).to_be_visible()
        await page.get_by_role("button", name="Apply it").click()
        await page.get_by_role("dialog").get_by_role("button", name="Apply it").click()
        await expect(page.get_by_text("is on its way to all replicas")).to_be_visible()
        await expect(page.get_by_role("row", name=re.compile("aside"))).to_be_visible()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_axe_finds_nothing_serious(
    pool: RealPool, browser: Browser, dark: bool, size: tuple[int, int]
) -> None:
    async with visit(browser, pool, size=size, dark=dark, rich=False) as at:
        await at.go("/console")
        assert await judged(at.page) == [], "the login"
        await log_in(at, admin(pool))
        for path, title in PAGES.items():
            await at.go(f"/console{path}")
            await expect(at.page.get_by_role("heading", name=title, level=1)).to_be_visible()
            await expect(at.page.locator(".skeleton")).to_have_count(0)
            assert await judged(at.page) == [], path
            wide = await at.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{path} is {wide} px too wide"
        await at.go("/console")
        await at.page.get_by_role("button", name="New node").click()
        assert await judged(at.page) == [], "a confirmation"
