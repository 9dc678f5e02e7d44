"""A pool in an in-process EVM with people around it, and short names for what they do.

LINK is DevLink, jobs and roles are fixed, and everybody has LINK enough. `build()` makes one world; tests
that start from the same one undo what they did (`world.evm.undone()`).
"""

from dataclasses import dataclass, field
from typing import Any

from eth_account import Account as EthAccount
from eth_account.signers.local import LocalAccount

from linkpool.contracts.abi import load, load_code
from linkpool.contracts.invite import Invite, implementation_address
from linkpool.contracts.link import Link
from linkpool.contracts.oracle import Answer, Ask, Oracle, OracleRequest, RequestTerms
from linkpool.contracts.pool import Offer, Pool, stake_data
from linkpool.contracts.view import View
from linkpool.units import link
from tests.support.evm import Evm, account

DAY = 86_400
UNBONDING = 7 * DAY
OWNER, GUARDIAN, FEES = map(account, ("owner", "guardian", "fees"))
MANAGER_KEY: LocalAccount = EthAccount.from_key("0x" + "11" * 32)
MANAGER: str = MANAGER_KEY.address
STAKERS = tuple(account(f"staker{i}") for i in range(4))
REQUESTERS = tuple(account(f"requester{i}") for i in range(3))
STRANGER = account("stranger")
COVERED = b"covered job".ljust(32, b"\0")
FREE = b"job with no penalty".ljust(32, b"\0")
CLOSED = b"no offer".ljust(32, b"\0")
PAYMENT = link("0.1")
PENALTY = link(50)
CEILING = 100 * 10**9
CALLBACK = b"\xca\x11\xba\xc4"
CAPACITY = link(10_000)
CHAIN_ID = 1


def sign(digest: bytes) -> bytes:
    """The manager's signature."""
    return bytes(EthAccount.unsafe_sign_hash(digest, MANAGER_KEY.key).signature)


@dataclass
class World:
    """One pool and its surroundings."""

    evm: Evm
    coin: Link
    pool: Pool
    view: View
    nodes: list[str] = field(default_factory=list)
    senders: dict[str, str] = field(default_factory=dict)
    """node -> one authorized sender"""
    asked: int = 0

    def invite(self, number: int, **changes: object) -> Invite:
        """The invite of node `number`."""
        values: dict[str, object] = {
            "wallet": account(f"wallet{number}"),
            "senders": (account(f"sender{number}"), account(f"second{number}")),
            "capacity": CAPACITY,
            "deadline": 2**40,
            "nonce": number,
        }
        return Invite(**{**values, **changes})  # type: ignore[arg-type]  # what a test changes is its own affair

    def signed(self, invite: Invite) -> bytes:
        """The manager's signature of an invite for this pool."""
        return invite.sign(CHAIN_ID, self.pool.address, sign)

    def register(self, number: int) -> str:
        """Add node `number`; its id."""
        invite = self.invite(number)
        node = self.evm.send(STRANGER, self.pool.register(invite, self.signed(invite)))
        self.nodes.append(node)
        self.senders[node] = invite.senders[0]
        return node

    def fund(self, who: str, amount: int = link(1_000_000)) -> None:
        """LINK from nothing."""
        self.evm.send(STRANGER, self.coin.mint(who, amount))

    def balance(self, who: str) -> int:
        """Juels held."""
        return self.evm.ask(self.coin.balance_of(who))

    def stake(self, node: str, who: str, amount: int) -> None:
        """Stake by transferAndCall, for oneself."""
        data = stake_data(node, who)
        self.evm.send(who, self.coin.transfer_and_call(self.pool.address, amount, data))

    def retire(self, node: str) -> None:
        """Drain a node and retire it."""
        self.evm.send(MANAGER, self.pool.drain(node))
        self.evm.send(MANAGER, self.pool.retire(node))

    def value(self, node: str, who: str) -> int:
        """Juels of active stake."""
        rows = self.evm.ask(self.view.account(self.pool.address, who)).holdings
        return sum(row.value for row in rows if row.node == node)

    def request(
        self, node: str, who: str, payment: int = PAYMENT, job: bytes = COVERED, version: int = 2
    ) -> OracleRequest:
        """Ask a node; the request as logged, its Covered event is in `evm.events`."""
        self.asked += 1
        ask = Ask(
            job=job,
            requester=who,
            callback_function_id=CALLBACK,
            nonce=self.asked,
            data=b"\xa0",
            data_version=version,
        )
        self.evm.send(who, self.coin.transfer_and_call(node, payment, ask.calldata))
        (made,) = [event for event in self.evm.events if isinstance(event, OracleRequest)]
        return made

    def answer(self, node: str, request: OracleRequest, word: int = 7) -> bool:
        """Answer by the node's first sender."""
        return self.evm.send(self.senders[node], Oracle(node).fulfill(reply(request, word)))

    def earn(self, node: str, amount: int, who: str = REQUESTERS[0]) -> None:
        """A request without cover, answered: so many juels of income."""
        self.answer(node, self.request(node, who, amount, FREE))

    def penalize(self, node: str, who: str = REQUESTERS[0]) -> OracleRequest:
        """A covered request that expires, cancelled at once."""
        request = self.request(node, who)
        self.evm.now = request.expiration
        self.evm.send(who, Oracle(node).cancel(RequestTerms.of(request)))
        return request


def reply(request: OracleRequest, word: int = 7) -> Answer:
    """A one-word answer."""
    return Answer(RequestTerms.of(request), request.request_id + word.to_bytes(32))


def pool_arguments(coin: str, blueprint: str, fee_bps: int) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Types and values of the pool's constructor."""
    roles = (OWNER, MANAGER, GUARDIAN, FEES)
    return load("StakingPool").constructor, (coin, blueprint, *roles, fee_bps, UNBONDING, 10, link(100_000))


def build(nodes: int = 3, fee_bps: int = 1_000) -> World:
    """A pool with that many nodes, two open offers, and LINK for everybody."""
    evm = Evm()
    coin = Link(evm.create(load_code("DevLink").creation))
    blueprint = evm.create(load_code("NodeOracle").blueprint)
    code = load_code("StakingPool").creation
    pool = Pool(evm.create(code, *pool_arguments(coin.address, blueprint, fee_bps)))
    assert evm.ask(pool.implementation()) == implementation_address(pool.address)
    world = World(evm, coin, pool, View(evm.create(load_code("PoolView").creation)))
    for number in range(nodes):
        world.register(number)
    for who in (*STAKERS, *REQUESTERS):
        world.fund(who)
        evm.send(who, coin.approve(pool.address, link(1_000_000)))
    evm.send(MANAGER, pool.set_offer(Offer(COVERED, PAYMENT, PENALTY, CEILING, True)))
    evm.send(MANAGER, pool.set_offer(Offer(FREE, 0, 0, 0, True)))
    return world
