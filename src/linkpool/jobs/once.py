"""A job run once without a chain: the request is made up, its answer is shown instead of sent.

`linkpool job run` uses it; sources are asked for real.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from typing import NoReturn

from eth_abi.abi import encode

from linkpool.errors import Temporary
from linkpool.jobs import cbor, jsontext
from linkpool.jobs.bridges import Bridge, Bridges
from linkpool.jobs.errors import BadValue, Cause, TaskPermanent
from linkpool.jobs.run import RunResult, run
from linkpool.jobs.services import EthCall, EthTx, Http, Services, Waiting
from linkpool.jobs.spec import JobSpec
from linkpool.jobs.values import Value
from linkpool.jobs.variables import ORACLE_REQUEST, RequestLog, for_request, for_tick, for_webhook

_REQUESTER = "0x000000000000000000000000000000000000bEEF"
_ORACLE = "0x000000000000000000000000000000000000dEaD"
_FULFIL = bytes.fromhex("4357855e")  # fulfill(bytes32,uint256), as the documents' examples have it
_DATA_VERSION = 2


def parameters(pairs: Iterable[str]) -> dict[str, Value]:
    """`key=value` texts as a request's parameters; a value that is JSON is that, any other is a text.

    Raises BadValue without a `=`.
    """
    found: dict[str, Value] = {}
    for pair in pairs:
        key, equals, written = pair.partition("=")
        if not key or not equals:
            raise BadValue(f"{pair!r} is not of the form key=value")
        try:
            found[key] = jsontext.read(written)
        except BadValue:
            found[key] = written
    return found


async def run_once(
    job: JobSpec,
    request: Mapping[str, Value],
    http: Http,
    *,
    bridges: Iterable[Bridge] = (),
    seconds: float = 300.0,
    chain_id: int = 1337,
) -> RunResult:
    """One run. `request` is what a requester would send, or the body of a webhook; `seconds` is the window.

    An `ethtx` gives the transaction it would send. Tasks that read the chain fail, there is none.
    """
    services = Services(
        http=http,
        bridges=Bridges(http, bridges),
        callbacks=_Nobody(),
        call=_no_chain,
        estimate=_no_chain,
        transact=_shown,
    )
    variables = made_up(job, request, chain_id=chain_id)
    deadline = asyncio.get_running_loop().time() + seconds
    return await run(job, variables, services, run_id=hashlib.sha256(b"once").hexdigest(), deadline=deadline)


def made_up(job: JobSpec, request: Mapping[str, Value], *, chain_id: int) -> dict[str, Value]:
    """The variables of a run that nobody asked for. `request` as in `run_once`."""
    if job.type == "cron":
        return for_tick(job, chain_id=chain_id)
    if job.type == "webhook":
        return for_webhook(job, jsontext.write(dict(request)).encode(), chain_id=chain_id)
    return for_request(job, made_up_log(job, request), chain_id=chain_id)


def made_up_log(job: JobSpec, request: Mapping[str, Value]) -> RequestLog:
    """The log of a request with these parameters, 1 LINK and the callback `fulfill(bytes32,uint256)`."""
    request_id = hashlib.sha256(b"request").digest()
    payment, expiration = 10**18, 2_000_000_000
    data = encode(
        ["address", "bytes32", "uint256", "address", "bytes4", "uint256", "uint256", "bytes"],
        [
            _REQUESTER,
            request_id,
            payment,
            _REQUESTER,
            _FULFIL,
            expiration,
            _DATA_VERSION,
            cbor.write_diet(dict(request)),
        ],
    )
    return RequestLog(
        address=job.contract_address or _ORACLE,
        topics=[ORACLE_REQUEST.hash, job.spec_ids[0]],
        data=data,
        block_number=1,
        block_hash=bytes(32),
        tx_hash=bytes(32),
    )


async def _no_chain(_: EthCall) -> NoReturn:
    raise Temporary("there is no chain in a run without one")


async def _shown(transaction: EthTx) -> Value:
    return {"to": transaction.to, "data": transaction.data, "gasLimit": transaction.gas_limit}


class _Nobody:
    """Callbacks arrive at a control plane, and here is none."""

    def url(self, bridge: str, run_id: str, task: str) -> str:
        return f"{bridge}/{run_id}/{task}"

    def expect(self, run_id: str, task: str) -> Waiting:
        raise TaskPermanent("its answer would come to a control plane, and here is none", Cause.OURS)
