"""Every page in both themes, on desk and phone: axe-core finds nothing serious, nothing scrolls sideways."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.support.pages import DESK, PHONE, Visit, visit
from tests.support.pool import RealPool

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = (Path(__file__).parents[2] / "dapp/node_modules/axe-core/axe.min.js").read_text()
RUN = "() => axe.run(document, { resultTypes: ['violations'] })"
SERIOUS = {"serious", "critical"}


async def judged(page: Page) -> list[str]:
    """Serious violations, each with the elements that have it."""
    await page.evaluate(AXE)
    found = (await page.evaluate(RUN))["violations"]
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:120] for node in each['nodes']]}"
        for each in found
        if each["impact"] in SERIOUS
    ]


async def judge(at: Visit, path: str) -> None:
    await at.go(path)
    await at.page.locator(".skeleton").first.wait_for(state="detached")
    assert await judged(at.page) == [], path
    wide = await at.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{path} is {wide} px too wide"


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_axe_finds_nothing_serious(
    pool: RealPool, browser: Browser, dark: bool, size: tuple[int, int]
) -> None:
    async with visit(browser, pool, size=size, dark=dark, rich=False) as at:
        staker = pool.found.staker.address
        node = f"/nodes/{pool.oracle}"
        for path in ("/", node, f"{node}/stake", "/position", f"/position/{staker}", "/pool", "/nowhere"):
            await judge(at, path)
        await at.go("/")
        await at.page.get_by_role("button", name="Connect wallet").click()
        assert await judged(at.page) == [], "the wallet's dialog"
        assert (at.troubles, at.foreign) == ([], [])
