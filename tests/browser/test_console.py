"""The operator's console: the way in, all that can be pressed in it, and what came of that by the API."""

import json
import re
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from linkpool.api.client import until_serving
from linkpool.api.client_rollouts import put_release
from linkpool.api.client_tokens import make_token
from linkpool.chain.keys import Key
from linkpool.fleet.alarms import Kind
from linkpool.fleet.secrets.keys import Keyring
from linkpool.units import Slot
from linkpool.wire.api import MakeToken
from linkpool.wire.rollout import PutRelease
from tests.browser.test_access import judged
from tests.support.pages import DESK, PHONE, Visit, visit
from tests.support.pool import RealPool, real_pool, traffic
from tests.support.site import CHAIN_ID, MASTER
from tests.support.until import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

PAGES = {
    "": "Fleet",
    "/nodes/1": "Node 1",
    "/alarms": "Alarms",
    "/upgrades": "Upgrades",
    "/scaling": "Scaling",
    "/money": "Money",
    "/catalog": "Catalog",
    "/tokens": "Tokens",
    "/audit": "Audit log",
}
FORMS = {
    "": "New node",
    "/upgrades": "Add a release",
    "/scaling": "Write a policy",
    "/money": "Set prices",
    "/tokens": "New token",
}
"""What opens a form, by page."""
UPGRADE_MS = 480_000
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


async def told(pool: RealPool, path: str) -> Any:
    """What the API says at `path`."""
    async with pool.http.get(f"{pool.control.url}/api/v1{path}", headers=pool.headers) as reply:
        assert reply.status == 200, await reply.text()
        return await reply.json()


async def told_session(page: Page, pool: RealPool) -> Any:
    """The session of this browser."""
    return await (await page.request.get(f"{pool.control.url}/api/v1/session")).json()


async def asked(page: Page, what: str, press: str | None = None) -> None:
    """Press a button, and its confirmation; returns when the control plane took it."""
    await page.get_by_role("button", name=what, exact=True).click()
    await confirmed(page, press or what)


async def confirmed(page: Page, press: str) -> None:
    """Press the button of the dialog that is open; returns when the control plane took it."""
    await page.get_by_role("dialog").get_by_role("button", name=press, exact=True).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def tab_to(page: Page, wanted: Locator) -> None:
    """By the keyboard alone."""
    for _ in range(60):
        if await wanted.evaluate("element => element === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not come to {wanted}")


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
        for path, label in FORMS.items():
            await at.go(f"/console{path}")
            await expect(page.get_by_role("button", name=label)).to_be_disabled()
        csrf = (await told_session(page, pool))["csrf"]
        forced = await page.request.post(
            f"{pool.control.url}/api/v1/nodes", data={}, headers={"X-LinkPool-CSRF": csrf}
        )
        assert forced.status == 403, "what the page greys out, the control plane refuses"


async def add_release(pool: RealPool, page: Page) -> None:
    """`next`: as what runs, with one setting more; a name that will not do is told at its field."""
    await page.get_by_role("button", name="Add a release").click()
    form = page.get_by_role("dialog")
    name = form.get_by_label("Name")
    await name.fill("Not A Name")
    await form.get_by_label("Environment").fill("NEXT=1")
    await form.get_by_role("button", name="Add it").click()
    await expect(name).to_be_focused()
    await expect(form.get_by_role("alert").filter(has_text="Small letters, digits")).to_be_visible()
    await name.fill("next")
    await confirmed(page, "Add it")
    made = (await told(pool, "/releases"))["releases"]
    current = next(release for release in made if release["current"])
    added = next(release for release in made if release["name"] == "next")
    assert (added["command"], added["settings"]) == (current["command"], {"NEXT": "1"})


async def test_a_node_by_one_click_and_an_upgrade_while_requests_flow(
    pool: RealPool, browser: Browser
) -> None:
    async with visit(browser, pool, rich=False) as at:
        page = await log_in(at, admin(pool))
        before = len(await pool.control.nodes())
        await page.get_by_role("button", name="New node").click()
        await page.get_by_role("dialog").get_by_role("button", name="Make it").click()
        fresh = page.get_by_role("article", name=f"Node {before + 1}", exact=True)
        await expect(fresh.get_by_text("Serving", exact=True)).to_have_count(3, timeout=240_000)
        await expect(
            page.get_by_role("region", name=re.compile("Making a node")).get_by_text("done", exact=True)
        ).to_be_visible()

        await page.get_by_role("link", name="Upgrades", exact=True).click()
        await add_release(pool, page)
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

        without = {"name": "catalog.json", "mimeType": "application/json", "buffer": text.encode()}
        await page.get_by_label("Take a file").set_input_files([without])
        await page.get_by_role("button", name="Show what would change").click()
        await expect(page.get_by_role("listitem").filter(has_text="Bridge aside")).to_contain_text("removed")
        await asked(page, "Apply it")
        revision = (await told(pool, "/catalog"))["revision"]
        await expect(page.get_by_text(f"Revision {revision} is on its way to all replicas")).to_be_visible()
        broken = {**without, "buffer": b"{"}
        await page.get_by_label("Take a file").set_input_files([broken])
        await page.get_by_role("button", name="Show what would change").click()
        await expect(page.get_by_text("This is no JSON")).to_be_visible()


async def test_an_upgrade_is_paused_goes_on_and_is_aborted(pool: RealPool, browser: Browser) -> None:
    before = {replica.task for replica in await pool.replicas()}
    sleeper = [sys.executable, "-c", "import time; time.sleep(3600)"]
    await put_release(pool.control, "sleeper", PutRelease(command=sleeper))  # comes to no end by itself
    async with visit(browser, pool, rich=False) as at:
        page = await log_in(at, admin(pool))
        await at.go("/console/upgrades")
        await page.get_by_label("To release").select_option("sleeper")
        await asked(page, "Upgrade to sleeper")
        await expect(page.get_by_role("heading", name="Upgrade to sleeper", level=1)).to_be_visible()
        rollout = page.url.rpartition("/")[2]
        for press, state, word in (
            ("Pause", "paused", "Paused"),
            ("Resume", "running", "Running"),
            ("Abort", "aborted", "Aborted"),
        ):
            await asked(page, press)
            status = page.get_by_role("status").get_by_text(word, exact=True)
            await expect(status).to_be_visible(timeout=120_000)
            assert (await told(pool, f"/rollouts/{rollout}"))["state"] == state
        await expect(page.get_by_role("button", name="Abort")).to_have_count(0)
    assert {replica.task for replica in await pool.replicas()} == before


async def test_growth_is_held_by_a_guard_and_bound_by_a_policy(pool: RealPool, browser: Browser) -> None:
    async def guard(state: str) -> None:
        async def so() -> bool:
            return bool((await told(pool, "/guard"))["state"] == state)

        await until(so, f"the guard is {state}")

    async def policy() -> Any:
        return (await told(pool, "/scaling/policy"))["policy"]

    async with visit(browser, pool, rich=False) as at:
        page = await log_in(at, admin(pool))
        await at.go("/console/scaling")
        form = page.get_by_role("dialog")
        await page.get_by_role("button", name="Set a guard").click()
        count = form.get_by_label("Nodes of the network")
        await form.get_by_role("button", name="Set it").click()
        await expect(count).to_be_focused()
        await expect(form.get_by_role("alert").filter(has_text="valid integer")).to_be_visible()
        await count.fill("4")
        await confirmed(page, "Set it")
        await guard("blocked")
        await page.get_by_role("button", name="Override", exact=True).click()
        await expect(form.get_by_role("button", name="Let it grow")).to_be_disabled()
        await form.get_by_label("Reason").fill("the count is old")
        await confirmed(page, "Let it grow")
        await expect(page.get_by_text("Overridden until")).to_contain_text("the count is old")
        await guard("overridden")
        await asked(page, "End the override")
        await guard("blocked")

        await page.get_by_role("button", name="Write a policy").click()
        await form.get_by_label("Never fewer nodes than").fill("9")
        await form.get_by_role("button", name="Set the policy").click()
        await expect(form.get_by_role("alert").filter(has_text="must not be above ceiling")).to_be_visible()
        await form.get_by_label("Never fewer nodes than").fill("1")
        await form.get_by_role("button", name="What would it have done last week?").click()
        await expect(form.get_by_text(re.compile(r"Nothing was recorded yet|at the end\."))).to_be_visible()
        await confirmed(page, "Set the policy")
        assert (await policy())["floor"] == 1
        assert (await told(pool, "/scaling"))["on"] is True
        policies = page.locator("section").filter(has=page.get_by_role("heading", name="Policy"))
        await policies.get_by_role("button", name="Change").click()
        await form.get_by_label("New nodes a day").fill("3")
        await confirmed(page, "Set the policy")
        assert (await policy())["per_day"] == 3
        await asked(page, "Turn off")
        assert await policy() is None
        await asked(page, "Set it again")
        assert (await policy())["per_day"] == 3
        await asked(page, "Turn off")
        await asked(page, "Take it off")
        await guard("off")


def rob(pool: RealPool, key: Key) -> None:
    """Somebody else has the key, and takes a part of what is there."""
    nonce = int(pool.chain.rpc("eth_getTransactionCount", key.address, "latest"), 16)
    thief = {"to": pool.found.staker.address, "value": 10**16, "gas": 21_000, "gasPrice": 10**10}
    raw, _ = key.sign({**thief, "nonce": nonce, "chainId": CHAIN_ID, "data": "0x"})
    pool.chain.rpc("eth_sendRawTransaction", "0x" + raw.hex())


async def funded(pool: RealPool, sender: str) -> bool:
    accounts = (await told(pool, "/treasury"))["accounts"]
    return any(each["address"] == sender and int(each["balance"]) > 0 for each in accounts)


async def test_a_robbed_sender_rings_is_explained_and_unfrozen(pool: RealPool, browser: Browser) -> None:
    victim = (await pool.replicas())[0]
    node = await pool.node()
    stolen = Key(Keyring(MASTER).sender(node.index, Slot(victim.slot or 0)))
    assert stolen.address == victim.sender
    async with visit(browser, pool, rich=False) as at:
        page = await log_in(at, admin(pool))
        await until(lambda: funded(pool, stolen.address), "the treasury has seen what the sender holds")
        rob(pool, stolen)
        await page.get_by_role("link", name="Alarms").click()
        ringing = page.get_by_role("region", name="Alarms that are up")
        await expect(ringing.get_by_text("Critical: A sender was robbed")).to_be_visible(timeout=120_000)
        await expect(page.get_by_role("link", name=re.compile(r"Alarms \d+ up"))).to_be_visible()
        kinds = page.get_by_role("table", name="Every alarm there is").get_by_role("rowheader")
        for kind in Kind:
            await expect(kinds.get_by_text(kind.value, exact=True)).to_have_count(1)
        await ringing.get_by_role("link", name="Money").click()
        await page.get_by_role("button", name=re.compile("^Unfreeze 0x")).click()
        await confirmed(page, "Unfreeze it")
        await expect(page.get_by_role("button", name=re.compile("^Unfreeze"))).to_have_count(0)
        assert [each for each in (await told(pool, "/treasury"))["accounts"] if each["frozen"]] == []

        await page.get_by_role("button", name="Set prices").click()
        form = page.get_by_role("dialog")
        await form.get_by_role("button", name="Add an engine").click()
        await form.get_by_role("button", name="Set them").click()
        await expect(form.get_by_role("textbox", name="Name", exact=True)).to_be_focused()
        await form.get_by_role("textbox", name="Name", exact=True).fill("local")
        await form.get_by_label("Machines", exact=True).fill("1")
        await form.get_by_label("Machine, a month").fill("-60")
        await form.get_by_role("button", name="Set them").click()
        await expect(form.get_by_role("alert").filter(has_text="never negative")).to_have_count(1)
        await form.get_by_label("Machine, a month").fill("60")
        await confirmed(page, "Set them")
        await expect(page.get_by_text("Machine, a month: 60 · Machines: 1")).to_be_visible()
        engine = (await told(pool, "/treasury/prices"))["prices"]["engines"]["local"]
        assert (engine["machine_month"], engine["machines"]) == ("60", 1)


async def test_a_token_is_made_by_keyboard_shown_once_and_revoked(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool, rich=False) as at, visit(browser, pool, rich=False) as other:
        page = await log_in(at, admin(pool))
        await at.go("/console/tokens")
        press = page.get_by_role("button", name="New token")
        await tab_to(page, press)
        await page.keyboard.press("Enter")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await tab_to(page, press)
        await page.keyboard.press("Enter")
        await tab_to(page, page.get_by_role("dialog").get_by_label("Name"))
        await page.keyboard.type("night watch")
        await tab_to(page, page.get_by_role("dialog").get_by_label("Good for how many days"))
        await page.keyboard.press("Control+A")
        await page.keyboard.type("2")
        await page.keyboard.press("Enter")
        shown = page.get_by_role("region", name="The token of night watch")
        await expect(shown).to_be_focused()
        token = (await shown.locator("code").inner_text()).strip()
        made = next(each for each in (await told(pool, "/tokens"))["tokens"] if each["name"] == "night watch")
        assert (made["scope"], made["expires_at"] is not None) == ("read", True)
        assert token not in json.dumps(await told(pool, "/tokens"))

        theirs = await log_in(other, token)
        await expect(theirs.get_by_text("may look", exact=True)).to_be_visible()
        await page.get_by_role("button", name="I have it").click()
        await expect(page.get_by_text(token)).to_have_count(0)
        await page.get_by_role("button", name="Revoke night watch").click()
        await confirmed(page, "Revoke it")
        await expect(theirs.get_by_text("The session is over")).to_be_visible()
        await expect(page.get_by_role("row", name=re.compile("night watch"))).to_contain_text("Revoked")


async def test_a_session_that_nobody_touches_ends(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool, rich=False) as at:
        await at.page.clock.install()
        page = await log_in(at, admin(pool))
        minutes = (await told_session(page, pool))["idle_seconds"] // 60
        await page.clock.fast_forward(f"{minutes - 1}:00")
        await expect(page.get_by_role("alert").filter(has_text="The session ends in")).to_be_visible()
        await page.get_by_role("button", name="Stay logged in").click()
        await expect(page.get_by_text("The session ends in")).to_have_count(0)
        await page.clock.fast_forward(f"{minutes + 1}:00")
        await expect(page.get_by_text("You were away for a while")).to_be_visible()

        async def refused() -> bool:
            reply = await page.request.get(f"{pool.control.url}/api/v1/session")
            return reply.status == 401

        await until(refused, "the control plane refuses the cookie")


async def test_the_control_plane_is_gone_and_comes_back(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool, rich=False) as at:
        page = await log_in(at, admin(pool))
        card = page.get_by_role("article", name="Node 1", exact=True)
        await expect(card.get_by_text("Serving", exact=True).first).to_be_visible()
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()
        await pool.plane.kill()
        await expect(page.get_by_text("Not live", exact=True)).to_be_visible()
        await expect(page.get_by_text("The pool's server does not answer.")).to_be_visible()
        await expect(card.get_by_text("Serving", exact=True).first).to_be_visible()
        await page.get_by_role("button", name="New node").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name="Make it").click()
        await expect(dialog.get_by_role("alert").filter(has_text="did not answer")).to_be_visible()
        await dialog.get_by_role("button", name="Leave it").click()
        await pool.plane.start()
        await expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=120_000)
        await expect(page.get_by_text("The pool's server does not answer.")).to_have_count(0, timeout=120_000)
        await expect(card.get_by_text("Serving", exact=True)).to_have_count(3, timeout=120_000)


async def judge(page: Page, what: str) -> None:
    """In both themes; nothing scrolls sideways."""
    for dark in (False, True):
        await page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        assert await judged(page) == [], f"{what}, {'dark' if dark else 'light'}"
    wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{what} is {wide} px too wide"


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_axe_finds_nothing_serious(pool: RealPool, browser: Browser, size: tuple[int, int]) -> None:
    async with visit(browser, pool, size=size, rich=False) as at:
        await at.go("/console")
        await judge(at.page, "the login")
        await log_in(at, admin(pool))
        for path, title in PAGES.items():
            await at.go(f"/console{path}")
            await expect(at.page.get_by_role("heading", name=title, level=1)).to_be_visible()
            await expect(at.page.locator(".skeleton")).to_have_count(0)
            await judge(at.page, path)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_axe_finds_nothing_serious_in_forms(
    pool: RealPool, browser: Browser, size: tuple[int, int]
) -> None:
    async with visit(browser, pool, size=size, rich=False) as at:
        await log_in(at, admin(pool))
        for path, label in FORMS.items():
            await at.go(f"/console{path}")
            await at.page.get_by_role("button", name=label).click()
            await expect(at.page.get_by_role("dialog")).to_be_visible()
            await judge(at.page, label)


async def test_a_node_retires_on_request(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool, rich=False) as at:
        page = await log_in(at, admin(pool))
        last = (await pool.control.nodes())[-1]
        if last.id == pool.oracle:  # no earlier test has made another
            made = await pool.control.make_node()
            last = await until_serving(pool.control, made.node.index, 180)
        await page.get_by_role("button", name=f"Retire Node {last.index}", exact=True).click()
        await confirmed(page, "Retire it")
        assert next(each for each in await pool.control.nodes() if each.index == last.index).state in (
            "draining",
            "retired",
        )
        progress = page.get_by_role("region", name=re.compile("Retiring a node"))
        await expect(progress.get_by_text("done", exact=True)).to_be_visible(timeout=240_000)
        await expect(page.get_by_role("article", name=f"Node {last.index}", exact=True)).to_have_count(0)
        await page.get_by_role("radio", name=re.compile("^All, past ones too")).check()
        past = page.get_by_role("article", name=f"Node {last.index}", exact=True)
        await expect(past.get_by_text("Retired", exact=True)).to_be_visible()
        assert (await pool.control.nodes())[-1].state == "retired"
