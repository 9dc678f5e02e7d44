"""Unmodified client contracts, as Chainlink compiled them, ask a real pool and get their values.

Every client of npm `@chainlink/abi`, Solidity 0.4 to 0.7, on Chainlink's own LinkToken. `Consumer` and its
kin ask for a public URL that is compiled into them, so each job here fetches from a fixed one instead.
"""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from linkpool.chain.types import unhex
from linkpool.dev.job import demo_job
from linkpool.dev.pool import PAYMENT
from linkpool.units import link
from tests.support.chainlink import Compiled, client
from tests.support.pool import RealPool
from tests.support.source import Reply
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = b'{"USD": 1523.01, "EUR": 1401.5, "JPY": 230451}'
LOG = (
    "OracleRequest(bytes32 indexed specId, address requester, bytes32 requestId, uint256 payment, "
    "address callbackAddr, bytes4 callbackFunctionId, uint256 cancelExpiration, uint256 dataVersion, "
    "bytes data)"
)
FULFIL = (
    "fulfillOracleRequest2(bytes32 requestId, uint256 payment, address callbackAddress, "
    "bytes4 callbackFunctionId, uint256 expiration, bytes data)"
)
TERMS = (
    '{ \\"requestId\\": $(log.requestId), \\"payment\\": $(log.payment), '
    '\\"callbackAddress\\": $(log.callbackAddr), \\"callbackFunctionId\\": $(log.callbackFunctionId), '
    '\\"expiration\\": $(log.cancelExpiration), \\"data\\": $(words) }'
)


def job(number: int, source: str, fetched: str, abi: str, data: str) -> str:
    """A job of the usual eight tasks around `fetched`, which works on $(fetch) and $(cbor)."""
    return f"""
type = "directrequest"
schemaVersion = 1
name = "client job {number}"
externalJobID = "{UUID(int=number)}"
observationSource = '''
    log    [type=ethabidecodelog abi="{LOG}" data="$(jobRun.logData)" topics="$(jobRun.logTopics)"]
    cbor   [type=cborparse data="$(log.data)"]
    fetch  [type=http method=GET url="{source}/prices" allowUnrestrictedNetworkAccess="true"]
    {fetched}
    words  [type=ethabiencode abi="(bytes32 requestId, {abi})"
            data="{{ \\"requestId\\": $(log.requestId), {data} }}"]
    tx     [type=ethabiencode abi="{FULFIL}" data="{TERMS}"]
    submit [type=ethtx to="$(jobRun.logAddress)" data="$(tx)"]
    log -> cbor -> fetch
    words -> tx -> submit
'''
"""


ONE_WORD = 'parse [type=jsonparse path="$(cbor.path)" data="$(fetch)"] '
WHOLE = 'cents [type=multiply input="$(parse)" times="100"] fetch -> parse -> cents -> words'
THREE = """
    usd [type=jsonparse path="USD" data="$(fetch)"]  usd_cents [type=multiply times="100"]
    eur [type=jsonparse path="EUR" data="$(fetch)"]  eur_cents [type=multiply times="100"]
    jpy [type=jsonparse path="JPY" data="$(fetch)"]  jpy_cents [type=multiply times="100"]
    fetch -> usd -> usd_cents -> words
    fetch -> eur -> eur_cents -> words
    fetch -> jpy -> jpy_cents -> words
"""


def jobs(source: str) -> list[str]:
    """One per kind of callback: a word, bytes, two words, three words."""
    return [
        job(1, source, ONE_WORD + WHOLE, "uint256 value", '\\"value\\": $(cents)'),
        job(2, source, "fetch -> words", "bytes value", '\\"value\\": $(fetch)'),
        job(3, source, THREE, "uint256 a, uint256 b", '\\"a\\": $(usd_cents), \\"b\\": $(eur_cents)'),
        job(
            4,
            source,
            THREE,
            "uint256 usd, uint256 eur, uint256 jpy",
            '\\"usd\\": $(usd_cents), \\"eur\\": $(eur_cents), \\"jpy\\": $(jpy_cents)',
        ),
    ]


def text_id(number: int) -> bytes:
    """A job's id as most contracts write it: 32 hex digits in ASCII."""
    return UUID(int=number).hex.encode()


def raw_id(number: int) -> bytes:
    """A job's id as some contracts write it: 16 raw bytes, zeros behind."""
    return UUID(int=number).bytes.ljust(32, b"\0")


def word(cents: int) -> bytes:
    return cents.to_bytes(32)


@dataclass(frozen=True)
class Case:
    """A client, how it asks, and what it must hold afterwards (getter -> value)."""

    version: str
    contract: str
    job: bytes
    data_version: int
    ask: tuple[Any, ...]
    holds: dict[str, bytes]

    @property
    def compiled(self) -> Compiled:
        return client(self.version, f"tests/{self.contract}")

    @property
    def name(self) -> str:
        return f"{self.version}-{self.contract}-{self.ask[0]}-{'text' if self.job[-1] else 'raw'}"


USD, EUR, JPY = word(152_301), word(140_150), word(23_045_100)
ONE, SEVERAL = "requestEthereumPrice", "requestMultipleParameters"
CASES = [
    Case("v0.4", "BasicConsumer", text_id(1), 1, (ONE, "USD"), {"currentPrice": USD}),
    Case("v0.5", "BasicConsumer", raw_id(1), 1, (ONE, "EUR", PAYMENT), {"currentPrice": EUR}),
    Case("v0.6", "BasicConsumer", text_id(1), 1, (ONE, "JPY", PAYMENT), {"currentPrice": JPY}),
    Case("v0.6", "MultiWordConsumer", text_id(3), 1, (SEVERAL, "", PAYMENT), {"first": USD, "second": EUR}),
    Case("v0.7", "Consumer", text_id(1), 2, (ONE, "USD", PAYMENT), {"currentPrice": USD}),
    Case("v0.7", "Consumer", raw_id(1), 2, (ONE, "JPY", PAYMENT), {"currentPrice": JPY}),
    Case(
        "v0.7",
        "MultiWordConsumer",
        text_id(4),
        2,
        (SEVERAL, "", PAYMENT),
        {"usd": USD, "eur": EUR, "jpy": JPY},
    ),
    Case("v0.7", "MultiWordConsumer", text_id(2), 2, (ONE, "", PAYMENT), {"currentPrice": TEXT}),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clients(pool: RealPool) -> dict[str, str]:
    """Address by case: every client deployed, given LINK, and its request made."""
    pool.source.replies["/prices"] = Reply(TEXT.decode())
    await pool.serve(*jobs(pool.source.url), demo_job(pool.source.url))
    owner, coin = pool.owner, pool.link
    made = await asyncio.gather(
        *(owner.deploy(case.compiled.creation(coin.address, pool.oracle, case.job)) for case in CASES)
    )
    await asyncio.gather(*(owner.send(coin.transfer(address, link(2))) for address in made))
    asks = [
        owner.transact(address, case.compiled.calldata(*case.ask))
        for case, address in zip(CASES, made, strict=True)
    ]
    await asyncio.gather(*asks)
    return {case.name: address for case, address in zip(CASES, made, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_value_arrives(pool: RealPool, clients: dict[str, str], case: Case) -> None:
    address = clients[case.name]

    async def held() -> dict[str, bytes]:
        values = {}
        for getter in case.holds:
            data = "0x" + case.compiled.calldata(getter).hex()
            answer = await pool.rpc.call("eth_call", {"to": address, "data": data}, "latest")
            values[getter] = case.compiled.abi.functions[getter].decode_output(unhex(answer))
        return values

    async def arrived() -> bool:
        return await held() == case.holds

    await until(arrived, f"{case.name} holds {case.holds}")
    events = [fate.request.event for fate in (await pool.tally()).fates.values()]
    (asked,) = [event for event in events if event.requester == address]
    assert (asked.job, asked.data_version) == (case.job, case.data_version)
    await pool.settled()
