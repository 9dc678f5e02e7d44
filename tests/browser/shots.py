"""Pictures of every page from a real pool with some life behind it: `python -m tests.browser.shots FOLDER`.

Its chain begins eight days ago; stake, requests and claims are spread over them, so that figures and charts
have something to tell. One picture each for desk and phone, light and dark.
"""

import asyncio
import base64
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import CDPSession, expect

from linkpool.api.client_growth import put_guard, put_policy
from linkpool.api.client_money import set_prices
from linkpool.api.client_rollouts import put_release, start_rollout
from linkpool.api.client_tokens import make_token
from linkpool.chain.history import read_head
from linkpool.contracts.link import Link
from linkpool.contracts.pool import stake_data
from linkpool.units import WHOLE, link
from linkpool.wire.api import MakeToken
from linkpool.wire.guard import GuardSettings, NumberSource, PutGuard
from linkpool.wire.money import EnginePrices, PriceTable, RpcPrices
from linkpool.wire.rollout import PutRelease, StartRollout
from linkpool.wire.scaling import PutPolicy, ScalingPolicy
from tests.support.pages import DESK, PHONE, Visit, chromium, visit
from tests.support.pool import RealPool, real_pool

HOUR, DAY = 3_600, 86_400
DAYS = 8
NODES = 3
DAILY = (14, 22, 30, 26, 41, 52, 47, 60)
"""Requests of each day, over all nodes."""
STAKES = ((42_600, 18_250, 6_400), (9_300, 21_700, 11_000), (2_150, 12_480, 30_700))
"""LINK that come to each node on the first, the fourth and the seventh day; the visitor's part aside."""
OURS = (2_500, 800, 0)
"""LINK of the visitor on each node."""
QUALITY = 74


@dataclass
class Life:
    """What happens to a pool before its picture is taken."""

    pool: RealPool
    at: Visit

    async def lived(self) -> None:
        """Eight days."""
        for _ in range(NODES - 1):
            await self.pool.control.make_node()
        await self.at.go("/")
        serving = self.at.page.get_by_text("Serving", exact=True)
        await expect(serving).to_have_count(NODES, timeout=180_000)
        nodes = [node.id or "" for node in await self.pool.control.nodes()]
        await self._prices()
        for day in range(DAYS):
            if day % 3 == 0:
                await self._stake(nodes, STAKES[day // 3], self.pool.found.staker.address)
            if day == 0:
                await self._stake(nodes, OURS, self.at.wallet.address)
            await self._ask(nodes, DAILY[day])
            await self.pool.rpc.call("evm_increaseTime", DAY - HOUR)
        await self.pool.rpc.call("evm_mine")
        head = await read_head(self.pool.rpc)
        await self.pool.rpc.call("evm_increaseTime", int(time.time()) - head.timestamp)
        await self._ask(nodes, 9)
        await self._act()

    async def _stake(self, nodes: list[str], amounts: tuple[int, ...], account: str) -> None:
        token, deployment = Link(self.pool.link.address), self.pool.found.deployment
        for node, amount in zip(nodes, amounts, strict=True):
            if amount:
                data = stake_data(node, account)
                await self.pool.owner.send(token.transfer_and_call(deployment.pool, link(amount), data))

    async def _ask(self, nodes: list[str], requests: int) -> None:
        """So many, more of them of the first node; returns when they are answered."""
        for node, part in zip(nodes, (0.5, 0.3, 0.2), strict=True):
            self.pool.oracle = node
            await self.pool.ask(max(1, round(requests * part)))
        for node in nodes:
            self.pool.oracle = node
            await self.pool.settled()
        self.pool.oracle = nodes[0]

    async def _prices(self) -> None:
        """What an operator has set by now."""
        control = self.pool.control
        engine = EnginePrices(machine_month="38", machines=3)
        rpc = RpcPrices(million_calls="2.5", calls_per_replica_hour=30.0)
        await set_prices(control, PriceTable(engines={"local": engine}, rpc=rpc, fixed={"domain": "4"}))
        source = NumberSource(kind="number", nodes=96)
        await put_guard(control, PutGuard(guard=GuardSettings(source=source, upper=0.05, lower=0.04)))
        policy = ScalingPolicy(
            floor=2,
            ceiling=12,
            stake_room=str(link(50_000)),
            budget_per_day=str(WHOLE // 2),
            window_seconds=60,
        )
        await put_policy(control, PutPolicy(policy=policy))
        for name, scope in (("dashboard", "read"), ("deploys", "operate")):
            await make_token(control, MakeToken(name=name, scope=scope))

    async def _act(self) -> None:
        """The visitor takes some out."""
        page = self.at.page
        await self.at.go("/position")
        await self.at.connect()
        await page.get_by_role("button", name="Unstake from").first.click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Amount").fill("300")
        await dialog.get_by_role("button", name="Unstake 300").click()
        await expect(dialog.get_by_text("Confirmed.", exact=True)).to_be_visible()
        await dialog.get_by_role("button", name="Done").click()


@dataclass
class Camera:
    """Takes one page four times, as WebP."""

    at: Visit
    session: CDPSession
    folder: Path

    async def take(self, name: str, path: str) -> None:
        """Desk as long as it is, phone as far as a screen goes."""
        page = self.at.page
        for size, where in ((DESK, "desk"), (PHONE, "phone")):
            await page.set_viewport_size({"width": size[0], "height": size[1]})
            await self.at.go(path)
            await expect(page.locator(".skeleton")).to_have_count(0)
            if name == "stake":
                await page.get_by_label("Amount").fill("1000")
            for theme in ("light", "dark"):
                await page.emulate_media(
                    color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce"
                )
                long = await page.evaluate("document.documentElement.scrollHeight")
                height = long if where == "desk" else size[1]
                clip = {"x": 0, "y": 0, "width": size[0], "height": height, "scale": 1}
                shot = await self.session.send(
                    "Page.captureScreenshot",
                    {"format": "webp", "quality": QUALITY, "clip": clip, "captureBeyondViewport": True},
                )
                (self.folder / f"{name}-{where}-{theme}.webp").write_bytes(base64.b64decode(shot["data"]))


async def stakers(pool: RealPool, camera: Camera) -> None:
    """What anybody sees."""
    node = f"/nodes/{pool.oracle}"
    await camera.take("nodes", "/")
    await camera.take("node", node)
    await camera.take("stake", f"{node}/stake")
    await camera.take("position", "/position")
    await camera.take("pool", "/pool")


async def console(pool: RealPool, camera: Camera) -> None:
    """The operator's pages, with an upgrade under way."""
    page = camera.at.page
    await camera.at.go("/console")
    await page.get_by_label("API token").fill(pool.folder.token.read_text().strip())
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", name="Fleet", level=1)).to_be_visible()
    for name in ("money", "scaling", "catalog"):
        await camera.take(name, f"/console/{name}")
    command = [sys.executable, "-m", "linkpool.replica"]
    await put_release(pool.control, "v1.1", PutRelease(command=command, settings={"V": "1.1"}))
    await start_rollout(pool.control, StartRollout(release="v1.1", all=True, nodes=[], wave=1, within=300.0))
    await camera.at.go("/console/upgrades")
    await page.get_by_role("link", name="Upgrade to v1.1").first.click()
    await expect(page.get_by_text("Moved", exact=True).first).to_be_visible()
    await expect(page.get_by_text("(under way)").first).to_be_attached()
    await camera.take("upgrade", page.url.removeprefix(pool.control.url))
    await camera.take("fleet", "/console")
    for name in ("alarms", "audit"):
        await camera.take(name, f"/console/{name}")


async def shoot(folder: Path) -> None:
    """Every page."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as root:
        began = time.time() - DAYS * DAY
        async with (
            chromium() as browser,
            real_pool(Path(root), began=began) as pool,
            visit(browser, pool) as at,
        ):
            at.page.set_default_timeout(120_000)
            await Life(pool, at).lived()
            camera = Camera(at, await at.context.new_cdp_session(at.page), folder)
            await stakers(pool, camera)
            await console(pool, camera)


if __name__ == "__main__":
    expect.set_options(timeout=120_000)
    asyncio.run(shoot(Path(sys.argv[1])))
