"""Gas of every act, side by side with Chainlink's Operator 1.5.0: `python -m bench gas [--json]`.

Both serve the same client (v0.7 Consumer) with the same LinkToken (v0.4) on one anvil; each act is a
transaction of its own, so all state is cold, and each is measured on its second occurrence, when counters are
no longer zero.
Ours: vyper 0.4.3, `optimize gas`, evm cancun. Theirs: solc 0.8.19, 1,000,000 runs, evm paris.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from eth_abi.abi import encode
from eth_account import Account as EthAccount

from linkpool.chain.types import parse_logs
from linkpool.contracts.abi import Call, load, load_code
from linkpool.contracts.events import decode
from linkpool.contracts.invite import Invite
from linkpool.contracts.link import Link
from linkpool.contracts.oracle import SINGLE_GAS, Answer, Oracle, OracleRequest, RequestTerms, batch_gas
from linkpool.contracts.pool import Offer, Pool, stake_data
from linkpool.units import link
from tests.support.anvil import KEYS, Anvil, anvil
from tests.support.chainlink import Compiled, client, operator

OWNER, MANAGER, SENDER, STAKER = (EthAccount.from_key(key) for key in KEYS[:4])
COVERED, FREE = b"covered".ljust(32, b"\0"), b"free".ljust(32, b"\0")
PAYMENT = link("0.1")
BATCHES = (1, 8, 32)
HOLD = {
    "request uncovered": 1.15,
    "request covered": 1.25,
    "answer single": 1.0,
    "answer in a batch of 32": 0.6,
}
"""Ratios of the design (section 9)."""
STAKE_LIMIT = 120_000


@dataclass(frozen=True)
class Row:
    """One act: gas of ours, of Operator, and what the design holds."""

    act: str
    ours: int
    theirs: int | None
    ratio: float | None
    hold: float | int | None
    held: bool | None


class Bench:
    """A chain with a pool, an Operator and a Consumer for each."""

    def __init__(self, chain: Anvil) -> None:
        self.chain = chain
        self.coin = Link(self.create(client("v0.4", "LinkToken").creation()))
        blueprint = self.create(load_code("NodeOracle").blueprint)
        roles = (OWNER.address, MANAGER.address, OWNER.address, OWNER.address)
        arguments = (self.coin.address, blueprint, *roles, 1_000, 7 * 86_400, 10, link(100_000))
        code = load_code("StakingPool").creation + encode(load("StakingPool").constructor, arguments)
        self.pool = Pool(self.create(code))
        self.operator = self.create(operator().creation(self.coin.address, OWNER.address))
        setting = operator().calldata("setAuthorizedSenders", [SENDER.address])
        self.send(OWNER.address, self.operator, setting)
        self.node = self.register(0)
        for job, penalty in ((COVERED, link(1)), (FREE, 0)):
            offer = Offer(job, PAYMENT, penalty, 10**18, True)
            self.call(MANAGER.address, self.pool.set_offer(offer))

    def create(self, code: bytes) -> str:
        return str(self.receipt(OWNER.address, None, code)["contractAddress"])

    def receipt(self, sender: str, to: str | None, data: bytes, gas: int = 16_000_000) -> dict[str, Any]:
        sent = {"from": sender, "data": "0x" + data.hex(), "gas": hex(gas)} | ({"to": to} if to else {})
        hash_ = self.chain.rpc("eth_sendTransaction", sent)
        self.chain.mine()
        receipt: dict[str, Any] = self.chain.rpc("eth_getTransactionReceipt", hash_)
        if receipt["status"] != "0x1":
            raise RuntimeError(f"a transaction of the bench failed: {hash_}")
        return receipt

    def send(self, sender: str, to: str, data: bytes, gas: int = 16_000_000) -> int:
        return int(self.receipt(sender, to, data, gas)["gasUsed"], 16)

    def call(self, sender: str, call: Call[Any], gas: int = 16_000_000) -> int:
        return self.send(sender, call.to, call.data, gas)

    def register(self, number: int) -> str:
        wallet = EthAccount.from_key((1_000 + number).to_bytes(32)).address
        senders = (SENDER.address,) if number == 0 else (wallet,)
        invite = Invite(wallet, senders, link(100_000), 2**40, number)
        signature = EthAccount.unsafe_sign_hash(
            invite.digest(31337, self.pool.address), MANAGER.key
        ).signature
        self.register_gas = self.call(OWNER.address, self.pool.register(invite, bytes(signature)))
        node = self.chain.rpc("eth_call", self.pool.node_of(wallet).request, "latest")
        return self.pool.node_of(wallet).decode(bytes.fromhex(node[2:]))

    def consumer(self, oracle: str, job: bytes) -> tuple[str, Compiled]:
        kind = client("v0.7", "tests/Consumer")
        made = self.create(kind.creation(self.coin.address, oracle, job))
        self.call(OWNER.address, self.coin.transfer(made, link(100)))
        return made, kind

    def request(self, consumer: tuple[str, Compiled]) -> tuple[int, OracleRequest]:
        at, kind = consumer
        data = kind.calldata("requestEthereumPrice", "USD", PAYMENT)
        receipt = self.receipt(OWNER.address, at, data)
        events = map(decode, parse_logs(receipt["logs"]))
        made = next(event for event in events if isinstance(event, OracleRequest))
        return int(receipt["gasUsed"], 16), made

    def requests(self, consumer: tuple[str, Compiled]) -> int:
        """Gas of a consumer's second request; both are left open."""
        self.request(consumer)
        return self.request(consumer)[0]


def answer(request: OracleRequest) -> Answer:
    """One word."""
    return Answer(RequestTerms.of(request), request.request_id + (1).to_bytes(32))


def row(act: str, ours: int, theirs: int | None = None, hold: float | None = None) -> Row:
    """A row with its ratio."""
    ratio = round(ours / theirs, 3) if theirs else None
    return Row(act, ours, theirs, ratio, hold, None if ratio is None or hold is None else ratio <= hold)


def measure(b: Bench) -> list[Row]:
    """Every act on a fresh bench."""
    rows = staking(b)
    theirs_client, ours_client = b.consumer(b.operator, FREE), b.consumer(b.node, FREE)
    covered_client = b.consumer(b.node, COVERED)
    theirs = b.requests(theirs_client)
    rows.append(row("request uncovered", b.requests(ours_client), theirs, HOLD["request uncovered"]))
    rows.append(row("request covered", b.requests(covered_client), theirs, HOLD["request covered"]))
    rows += answers(b, theirs_client, ours_client, covered_client)
    rows += endings(b, theirs_client, ours_client, covered_client)
    rows += leaving(b)
    return rows


def answers(b: Bench, theirs_client: Any, ours_client: Any, covered_client: Any) -> list[Row]:
    """Single answers and batches; Operator answers one by one."""

    def single(who: tuple[str, Compiled], oracle: str) -> int:
        _, made = b.request(who)
        return b.call(SENDER.address, Oracle(oracle).fulfill(answer(made)), SINGLE_GAS)

    def twice(measured: Callable[[], int]) -> int:
        measured()
        return measured()

    theirs = twice(lambda: single(theirs_client, b.operator))
    rows = [row("answer single", twice(lambda: single(ours_client, b.node)), theirs, HOLD["answer single"])]
    rows.append(row("answer single, covered", twice(lambda: single(covered_client, b.node)), theirs))
    for size in BATCHES:
        made = [answer(b.request(ours_client)[1]) for _ in range(size)]
        gas = b.call(SENDER.address, Oracle(b.node).fulfill_many(made), batch_gas(size))
        name = f"answer in a batch of {size}"
        rows.append(row(name, gas // size, theirs, HOLD.get(name)))
    return rows


def endings(b: Bench, theirs_client: Any, ours_client: Any, covered_client: Any) -> list[Row]:
    """Cancels after expiry through the client, a rejection, a late answer."""
    _, rejected = b.request(covered_client)
    rejection = Oracle(b.node).reject(RequestTerms.of(rejected), 2)  # type: ignore[arg-type]  # any small number
    rows = [row("reject, covered", b.call(SENDER.address, rejection))]
    made = {who[0]: (who, b.request(who)[1]) for who in (theirs_client, ours_client, covered_client)}
    _, late = b.request(covered_client)
    b.chain.rpc("evm_increaseTime", 301)
    gas = {}
    for at, ((_, kind), request) in made.items():
        oracle = b.operator if at == theirs_client[0] else b.node
        terms = (request.request_id, request.payment, request.callback_function_id, request.expiration)
        gas[at] = b.send(OWNER.address, at, kind.calldata("cancelRequest", oracle, *terms))
    theirs = gas[theirs_client[0]]
    rows.append(row("cancel", gas[ours_client[0]], theirs))
    rows.append(row("cancel with a penalty", gas[covered_client[0]], theirs))
    rows.append(
        row(
            "answer late with a penalty",
            b.call(SENDER.address, Oracle(b.node).fulfill(answer(late)), SINGLE_GAS),
        )
    )
    return rows


def staking(b: Bench) -> list[Row]:
    """First stakes, with income to divide."""
    b.call(OWNER.address, b.coin.transfer(STAKER.address, link(90_000)))
    ready = b.consumer(b.node, FREE)
    stake = b.coin.transfer_and_call(b.pool.address, link(20_000), stake_data(b.node, STAKER.address))
    opening = b.call(
        OWNER.address,
        b.coin.transfer_and_call(b.pool.address, link(1), stake_data(b.register(1), STAKER.address)),
    )
    first = b.call(STAKER.address, stake)
    _, made = b.request(ready)
    b.call(SENDER.address, Oracle(b.node).fulfill(answer(made)), SINGLE_GAS)
    b.call(OWNER.address, b.pool.sync(b.node))
    data = stake_data(b.node, OWNER.address)
    other = b.call(OWNER.address, b.coin.transfer_and_call(b.pool.address, link(100), data))
    again = b.call(STAKER.address, stake)
    return [
        row("register a node", b.register_gas),
        row("stake, the pool's first", opening),
        Row("stake, a node's first", first, None, None, STAKE_LIMIT, first <= STAKE_LIMIT),
        Row("stake, an account's first", other, None, None, STAKE_LIMIT, other <= STAKE_LIMIT),
        Row("stake more", again, None, None, STAKE_LIMIT, again <= STAKE_LIMIT),
    ]


def leaving(b: Bench) -> list[Row]:
    """Income and stake going out."""
    rows = [row("sync", b.call(OWNER.address, b.pool.sync(b.node)))]
    rows.append(row("claim from one node", b.call(STAKER.address, b.pool.claim([b.node]))))
    rows.append(row("request to unstake", b.call(STAKER.address, b.pool.request_unstake(b.node, 2**255))))
    b.chain.rpc("evm_increaseTime", 8 * 86_400)
    ticket = int(STAKER.address, 16) << 96
    rows.append(row("withdraw a ticket", b.call(OWNER.address, b.pool.withdraw(ticket))))
    return rows


def main(arguments: list[str]) -> int:
    """Print the table, or JSON; 1 when the design's figures are not held."""
    parser = argparse.ArgumentParser(prog="python -m bench gas", description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args(arguments).json
    with anvil(mining=False, gas_limit=400_000_000) as chain:
        rows = measure(Bench(chain))
    if as_json:
        sizes = {name: load_code(name).runtime_size for name in ("StakingPool", "NodeOracle", "PoolView")}
        print(json.dumps({"rows": [asdict(item) for item in rows], "code_bytes": sizes}, indent=1))
    else:
        print(f"{'act':28} {'ours':>8} {'Operator':>9} {'ratio':>6} {'hold':>8}")
        for item in rows:
            mark = "" if item.held is not False else "  MISSED"
            figures = f"{item.ours:8} {item.theirs or '':>9} {item.ratio or '':>6} {item.hold or '':>8}"
            print(f"{item.act:28} {figures}{mark}")
    return int(any(item.held is False for item in rows))
