"""What can stand against a stake, each in words a person understands; and a reload in the middle of it."""

import pytest
from playwright.async_api import Browser, expect

from linkpool.contracts.pool import Pool
from linkpool.units import link
from tests.support.pages import LINK, Visit, visit
from tests.support.pool import RealPool
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

ELSEWHERE = 1


async def at_stake(at: Visit) -> None:
    """On the stake page, connected."""
    await at.go(f"/nodes/{at.pool.oracle}/stake")
    await at.connect()
    await expect(at.page.get_by_text("Your wallet has")).to_be_visible()


async def test_a_rejected_signature_changes_nothing_and_can_be_tried_again(
    pool: RealPool, browser: Browser
) -> None:
    async with visit(browser, pool) as at:
        await at_stake(at)
        at.wallet.refuses = True
        await at.page.get_by_label("Amount").fill("5")
        await at.page.get_by_role("button", name="Stake 5.00 LINK").click()
        await expect(at.page.get_by_text("You said no in your wallet. Nothing happened.")).to_be_visible()
        assert await pool.link.balance_of(at.wallet.address).ask(pool.rpc) == LINK
        at.wallet.refuses = False
        await at.page.get_by_role("button", name="Stake 5.00 LINK").click()
        await expect(at.page.get_by_text("Your stake is in the chain")).to_be_visible()


@pytest.mark.parametrize("known", [True, False], ids=["known", "to-be-added"])
async def test_the_wrong_network_is_switched_on_a_click(
    pool: RealPool, browser: Browser, known: bool
) -> None:
    async with visit(browser, pool) as at:
        at.wallet.chain_id, at.wallet.knows_home = ELSEWHERE, known
        await at.go(f"/nodes/{pool.oracle}/stake")
        await at.page.get_by_role("main").get_by_role("button", name="Connect wallet").click()
        await at.page.get_by_role("button", name="Test Wallet").click()
        main = at.page.get_by_role("main")
        await expect(main.get_by_text("Your wallet is on another network.")).to_be_visible()
        if known:
            await main.get_by_role("button", name="Switch to").click()
            await expect(at.page.get_by_text("Your wallet has 10,000.00 LINK.")).to_be_visible()
            assert "wallet_switchEthereumChain" in at.wallet.asked
        else:
            at.wallet.refuses = True
            await main.get_by_role("button", name="Switch to").click()
            await expect(main.get_by_text("chain id 31337")).to_be_visible()


async def test_too_little_link_and_amounts_that_are_none(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool) as at:
        await at_stake(at)
        amount, said = at.page.get_by_label("Amount"), at.page.get_by_role("alert")
        for typed, words in (
            ("10001", "Your wallet has 10,000.00 LINK, which is less."),
            ("0.5", "The least is 1 LINK."),
            ("1.000,50", "This is no amount."),
            ("1.0000000000000000001", "18 decimal places"),
            ("99999999", "This node has room for"),
        ):
            await amount.fill(typed)
            await expect(said.filter(has_text=words)).to_be_visible()
            await expect(at.page.get_by_role("main").get_by_role("button", name="Stake")).to_be_disabled()


async def test_too_little_gas(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool) as at:
        await at_stake(at)
        await pool.rpc.call("anvil_setBalance", at.wallet.address, hex(10**10))
        await at.page.get_by_label("Amount").fill("5")
        await at.page.get_by_role("button", name="Stake 5.00 LINK").click()
        await expect(at.page.get_by_text("in gas; your wallet has")).to_be_visible()
        assert "eth_sendTransaction" not in at.wallet.asked


async def test_a_full_node_and_one_that_fills_while_you_type(pool: RealPool, browser: Browser) -> None:
    contract, capacity = Pool(pool.found.deployment.pool), link(100_000)
    async with visit(browser, pool) as at:
        await at_stake(at)
        await at.page.get_by_label("Amount").fill("500")
        books = await contract.node(pool.oracle).ask(pool.rpc)
        await pool.owner.send(contract.set_capacity(pool.oracle, books.assets + link(100)))
        try:
            await expect(at.page.get_by_text("This node has room for 100.00 LINK only.")).to_be_visible()
            await pool.owner.send(contract.set_capacity(pool.oracle, books.assets))
            await expect(at.page.get_by_text("This node is full.")).to_be_visible()
            await at.go("/")
            await expect(at.page.get_by_text("Full", exact=True).first).to_be_visible()
        finally:
            await pool.owner.send(contract.set_capacity(pool.oracle, capacity))


async def test_a_paused_pool(pool: RealPool, browser: Browser) -> None:
    contract = Pool(pool.found.deployment.pool)
    await pool.owner.send(contract.pause())
    try:
        async with visit(browser, pool) as at:
            await at.go(f"/nodes/{pool.oracle}/stake")
            await expect(at.page.get_by_text("Staking is paused by the pool's guardian.")).to_be_visible()
            await expect(at.page.get_by_label("Amount")).to_be_disabled()
    finally:
        await pool.owner.send(contract.unpause())


async def test_a_reload_while_it_waits_for_a_block(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool) as at:
        await at_stake(at)
        await pool.rpc.call("evm_setIntervalMining", 0)
        try:
            await at.page.get_by_label("Amount").fill("7")
            await at.page.get_by_role("button", name="Stake 7.00 LINK").click()
            await expect(at.page.get_by_text("Sent; waiting for a block.")).to_be_visible()
            await at.page.reload()
            await expect(at.page.get_by_text("Sent; waiting for a block.")).to_be_visible()
        finally:
            await pool.rpc.call("evm_setIntervalMining", 1)
        await expect(at.page.get_by_text("Your stake is in the chain")).to_be_visible()
        assert at.wallet.asked.count("eth_sendTransaction") == 1


async def test_a_reload_while_the_wallet_asks(pool: RealPool, browser: Browser) -> None:
    async with visit(browser, pool) as at:
        await at_stake(at)
        at.wallet.answers.clear()
        await at.page.get_by_label("Amount").fill("8")
        await at.page.get_by_role("button", name="Stake 8.00 LINK").click()
        await expect(at.page.get_by_text("Your wallet asks you to sign.")).to_be_visible()

        async def asked() -> bool:
            return "eth_sendTransaction" in at.wallet.asked

        await until(asked, "the wallet's window is open")
        await at.page.reload()
        await expect(at.page.get_by_text("loaded again while your wallet was asking")).to_be_visible()
        at.wallet.answers.set()
        await expect(at.page.get_by_text("Your stake is in the chain")).to_be_visible()
