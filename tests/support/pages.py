"""The pages in a real Chromium, with a wallet: what a person sees and does, and what a page asks for."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright

from linkpool.units import WHOLE
from tests.support.pool import RealPool
from tests.support.site import CHAIN_ID
from tests.support.wallet import NAME, Wallet

QUIET = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
)
DESK, PHONE = (1280, 860), (390, 844)
LINK, COINS = 10_000 * WHOLE, 10 * WHOLE
"""What a test's wallet begins with."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's own; it speaks to nobody by itself."""
    path = shutil.which("chromium")
    assert path, "chromium is missing: `scripts/setup test` installs it on Debian"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        await browser.close()


@dataclass
class Visit:
    """One person at the pages. troubles: errors in the console; foreign: requests to other hosts."""

    pool: RealPool
    context: BrowserContext
    page: Page
    wallet: Wallet
    troubles: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    async def go(self, path: str) -> None:
        """Open a page; returns when its heading is there."""
        await self.page.goto(self.pool.control.url + path)
        await self.page.get_by_role("heading", level=1).wait_for()

    async def connect(self) -> None:
        """Connect the wallet by the button in the corner."""
        await self.page.get_by_role("banner").get_by_role("button", name="Connect wallet").click()
        await self.page.get_by_role("button", name=NAME).click()
        await self.page.get_by_role("dialog").wait_for(state="detached")

    def listen(self) -> None:
        """Note what goes wrong, and who is asked."""
        host = urlsplit(self.pool.control.url).netloc

        def asked(request: Request) -> None:
            if request.url.startswith("http") and urlsplit(request.url).netloc != host:
                self.foreign.append(request.url)

        def said(message: ConsoleMessage) -> None:
            if message.type == "error":
                self.troubles.append(message.text)

        self.page.on("request", asked)
        self.page.on("console", said)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))


@asynccontextmanager
async def visit(
    browser: Browser,
    pool: RealPool,
    *,
    size: tuple[int, int] = DESK,
    dark: bool = False,
    rich: bool = True,
    announced: bool = True,
) -> AsyncIterator[Visit]:
    """A fresh browser profile with a fresh wallet. rich: it has LINK and coins; announced: pages hear of it
    by EIP-6963, else they find it at `window.ethereum`.
    """
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        locale="en-GB",
        timezone_id="UTC",
        accept_downloads=True,
    )
    context.set_default_timeout(60_000)
    wallet = Wallet(pool.chain, CHAIN_ID)
    await wallet.install(context, announced=announced)
    if rich:
        await pool.rpc.call("anvil_setBalance", wallet.address, hex(COINS))
        await pool.owner.send(pool.link.transfer(wallet.address, LINK))
    visiting = Visit(pool, context, await context.new_page(), wallet)
    visiting.listen()
    yield visiting
    await context.close()
