"""Every page in both themes, on desk and phone: axe-core finds nothing serious, nothing scrolls sideways."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.support.pages import DESK, PHONE, Visit, visit
from tests.support.pool import RealPool

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = (Path(__file__).parents[2] / "dapp/node_modules/axe-core/axe.min.js").read_text()
RUN = "() => axe.run(document, { resultTypes: ['violations'] })"
TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""A change of theme is painted then."""
SERIOUS = {"serious", "critical"}


async def judged(page: Page) -> list[str]:
    """Serious violations, each with the elements that have it."""
    await page.evaluate(AXE)
    await page.evaluate(TWO_FRAMES)
    found = (await page.evaluate(RUN))["violations"]
    return [
        f"{each['id']}: {[node['html'][:120] + ' ' + node['failureSummary'] for node in each['nodes']]}"
        for each in found
        if each["impact"] in SERIOUS
    ]


async def sideways(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return int(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))


async def judged_everywhere(page: Page) -> None:
    """What is open now, on a dark phone and then on a light desk: nothing serious, nothing too wide."""
    for (width, height), dark in ((PHONE, True), (DESK, False)):
        await page.set_viewport_size({"width": width, "height": height})
        # with motion reduced, so that no colour is on its way to another
        await page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        assert await sideways(page) <= 0, f"too wide for {width} px"
        assert await judged(page) == [], f"{width} px wide"


async def judge(at: Visit, path: str) -> None:
    await at.go(path)
    await at.page.locator(".skeleton").first.wait_for(state="detached")
    assert await judged(at.page) == [], path
    assert await sideways(at.page) <= 0, f"{path} is too wide"


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
        await at.go("/pool")
        await at.page.get_by_role("button", name="What is APR?").click()
        assert await judged(at.page) == [], "an explanation"
        await at.page.keyboard.press("Escape")
        await at.page.get_by_role("banner").get_by_role("button", name="Connect wallet").click()
        assert await judged(at.page) == [], "the wallet's dialog"
        await at.page.keyboard.press("Escape")
        await at.connect()
        await at.page.get_by_role("banner").locator("button.wallet").click()
        assert await judged(at.page) == [], "a connected wallet's dialog"
        assert (at.troubles, at.foreign) == ([], [])
