"""Pictures of every page from a real pool with some life in it: `python -m tests.browser.shots FOLDER`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import expect

from tests.support.pages import DESK, PHONE, Visit, chromium, visit
from tests.support.pool import RealPool, real_pool

NODES = 3
STAKES = {"2500": 0, "800": 1}
REQUESTS = 40


async def live_a_little(pool: RealPool, at: Visit) -> None:
    """Some nodes, a stake on two of them, answers, a ticket."""
    for _ in range(NODES - 1):
        await pool.control.make_node()
    await at.go("/")
    await expect(at.page.get_by_text("Serving", exact=True)).to_have_count(NODES, timeout=120_000)
    nodes = [node.id or "" for node in await pool.control.nodes()]
    await at.connect()
    for amount, which in STAKES.items():
        await at.go(f"/nodes/{nodes[which]}/stake")
        await at.page.get_by_label("Amount").fill(amount)
        await at.page.get_by_role("main").get_by_role("button", name="Stake").click()
        await expect(at.page.get_by_text("Your stake is in the chain")).to_be_visible()
        await at.page.get_by_role("button", name="Done").click()
    for _ in range(REQUESTS // 10):
        await pool.ask(10)
    await pool.settled()
    await at.go("/position")
    await at.page.get_by_role("button", name="Unstake from").first.click()
    dialog = at.page.get_by_role("dialog")
    await dialog.get_by_label("Amount").fill("300")
    await dialog.get_by_role("button", name="Unstake 300").click()
    await expect(dialog.get_by_text("Confirmed.", exact=True)).to_be_visible()
    await dialog.get_by_role("button", name="Done").click()


async def shoot(folder: Path) -> None:
    """Every page, desk and phone, light and dark."""
    with tempfile.TemporaryDirectory() as root:
        async with chromium() as browser, real_pool(Path(root)) as pool, visit(browser, pool) as at:
            await live_a_little(pool, at)
            node = f"/nodes/{pool.oracle}"
            pages = {
                "nodes": "/",
                "node": node,
                "stake": f"{node}/stake",
                "position": "/position",
                "pool": "/pool",
            }
            for size, where in ((DESK, "desk"), (PHONE, "phone")):
                await at.page.set_viewport_size({"width": size[0], "height": size[1]})
                for theme in ("light", "dark"):
                    await at.page.emulate_media(color_scheme=theme)
                    for name, path in pages.items():
                        await at.go(path)
                        await at.page.locator(".skeleton").first.wait_for(state="detached")
                        if name == "stake":
                            await at.page.get_by_label("Amount").fill("1000")
                        await at.page.screenshot(
                            path=folder / f"{name}-{where}-{theme}.png", full_page=where == "desk"
                        )


if __name__ == "__main__":
    asyncio.run(shoot(Path(sys.argv[1])))
