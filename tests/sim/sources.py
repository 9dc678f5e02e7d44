"""What is asked, what is right, and sources that may be slow or wrong only by failing.

Each question carries a number; the right answer is a function of it, and the source knows no other. So an
answer for another question, or for an earlier use of the same id, shows.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from functools import cache

from cbor2 import dumps

from linkpool.jobs.jsontext import read
from linkpool.jobs.services import HttpReply, HttpRequest, Unreachable
from linkpool.jobs.spec import JobSpec, parse_job
from tests.sim.named import Named

TIMEOUT = 15.0
WORDS_LONG = 40
"""Words of a long answer: beyond the 512 bytes that a batch takes."""


class Job(Named):
    """The jobs of the simulated catalog, and one that is not in it."""

    PLAIN = "plain"
    CONFIRMED = "confirmed"
    LONG = "long"
    LATER = "later"
    """Published only by a later catalog, if at all."""
    REFUSED = "refused"
    """Its source answers 404 to everything."""
    DEADLY = "deadly"
    """Kills the replica that runs it: questions of even number before the source is asked, odd ones after."""


_LOG = (
    "OracleRequest(bytes32 indexed specId, address requester, bytes32 requestId, uint256 payment, "
    "address callbackAddr, bytes4 callbackFunctionId, uint256 cancelExpiration, uint256 dataVersion, "
    "bytes data)"
)
_CALL = (
    "fulfillOracleRequest2(bytes32 requestId, uint256 payment, address callbackAddress, "
    "bytes4 callbackFunctionId, uint256 expiration, bytes calldata data)"
)
_TEXT = """
type = "directrequest"
schemaVersion = 1
name = "{name}"
externalJobID = "{uuid}"
minIncomingConfirmations = {confirmations}
observationSource = '''
log [type=ethabidecodelog
     abi="{log}"
     data="$(jobRun.logData)" topics="$(jobRun.logTopics)"]
asked [type=cborparse data="$(log.data)"]
ask [type=http method=POST url="https://{name}.example/" requestData=<{{"number": $(asked.number)}}>]
value [type=jsonparse path="value" data="$(ask)"]
words [type=ethabiencode abi="{abi}" data=<{{"id": $(log.requestId), "value": $(value)}}>]
call [type=ethabiencode
      abi="{call}"
      data=<{{"requestId": $(log.requestId), "payment": $(log.payment),
              "callbackAddress": $(log.callbackAddr), "callbackFunctionId": $(log.callbackFunctionId),
              "expiration": $(log.cancelExpiration), "data": $(words)}}>]
send [type=ethtx to="$(jobRun.logAddress)" data="$(call)"]
log -> asked -> ask -> value -> words -> call -> send
'''
"""


def text(job: Job) -> str:
    """The job's TOML."""
    kind = "bytes" if job is Job.LONG else "uint256"
    number = list(Job).index(job)
    return _TEXT.format(
        name=job.value,
        uuid=f"00000000-0000-4000-8000-{number:012d}",
        confirmations=3 if job is Job.CONFIRMED else 1,
        abi=f"(bytes32 id, {kind} value)",
        log=_LOG,
        call=_CALL,
    )


@cache
def spec(job: Job) -> JobSpec:
    """The job as replicas read it."""
    return parse_job(text(job))


def spec_id(job: Job) -> bytes:
    """The id that requests name it by."""
    return spec(job).spec_ids[0]


def params(number: int) -> bytes:
    """The parameters of question `number`: CBOR without map delimiters."""
    return dumps({"number": number})[1:]


def right(job: Job, request_id: bytes, number: int) -> bytes:
    """The data that a correct answer hands to the contract."""
    if job is not Job.LONG:
        return request_id + _value(number).to_bytes(32)
    body = _long(number)
    return request_id + (64).to_bytes(32) + len(body).to_bytes(32) + body


def _value(number: int) -> int:
    return int.from_bytes(hashlib.sha256(b"answer %d" % number).digest()[:6])


def _long(number: int) -> bytes:
    return hashlib.sha256(b"answer %d" % number).digest() * WORDS_LONG


class How(Named):
    """What is wrong with the way to the sources."""

    FINE = "fine"
    FAILS = "fails"
    HANGS = "hangs"
    SLOW = "slow"
    ERRORS = "errors"


@dataclass
class Sources:
    """One host's way to all sources. `latency` in seconds."""

    latency: float = 0.1
    how: How = How.FINE
    asked: int = 0
    """Times anything was asked."""

    async def send(self, request: HttpRequest) -> HttpReply:
        """As linkpool.jobs.services.Http."""
        self.asked += 1
        match self.how:
            case How.FAILS:
                await asyncio.sleep(self.latency)
                raise Unreachable(f"{request.url} cannot be reached")
            case How.HANGS:
                await asyncio.sleep(request.timeout)
                raise Unreachable(f"{request.url} gave no reply within {request.timeout:g} s")
            case How.SLOW:
                await asyncio.sleep(5.0)
            case How.FINE | How.ERRORS:
                await asyncio.sleep(self.latency)
        if self.how is How.ERRORS:
            return HttpReply(503, b"busy")
        return reply(request)


def deadly(request: HttpRequest) -> int | None:
    """The number of the question, if whoever runs it dies of it."""
    return _number(request) if Job.DEADLY.value in request.url else None


def _number(request: HttpRequest) -> int:
    return int(read(request.body or b"")["number"])  # type: ignore[index,call-overload,arg-type] - our own job asks


def reply(request: HttpRequest) -> HttpReply:
    """What a source knows."""
    if Job.REFUSED.value in request.url:
        return HttpReply(404, b"no such thing")
    number = _number(request)
    if Job.LONG.value in request.url:
        return HttpReply(200, b'{"value": "0x%s"}' % _long(number).hex().encode())
    return HttpReply(200, b'{"value": %d}' % _value(number))
