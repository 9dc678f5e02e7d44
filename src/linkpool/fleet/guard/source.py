"""How many nodes the network has, from wherever the guard is told to ask: a person, a document, a contract.

A document is fetched as a job's would be: bounded in size, time and redirects, and only from public addresses
unless the settings say otherwise.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal

from eth_utils.crypto import keccak

from linkpool.chain.rpc import EndpointTrouble, Refusal, Rpc
from linkpool.errors import Temporary
from linkpool.jobs import jsontext
from linkpool.jobs.errors import BadValue, shown
from linkpool.jobs.services import Forbidden, Http, HttpRequest, Oversized, Private, Unreachable
from linkpool.jobs.values import Value, number
from linkpool.wire.guard import ContractSource, NumberSource, Source, UrlSource

TIMEOUT = 15.0
MAX_BYTES = 1 << 20
MOST = 10**9
"""No network has more nodes than that: what says so is broken."""

OpenHttp = Callable[[], AbstractAsyncContextManager[Http]]


class NoNumber(Temporary):
    """The source did not say how many nodes there are; the text says what it did."""


async def read(source: Source, rpc: Rpc, http: OpenHttp) -> int:
    """The number of nodes, at least 1. Raises NoNumber."""
    match source:
        case NumberSource():
            return source.nodes
        case UrlSource():
            return _sensible(await _document(source, http))
        case ContractSource():
            return _sensible(await _view(source, rpc))


async def _document(source: UrlSource, open_http: OpenHttp) -> Decimal:
    private = Private.ALWAYS if source.allow_private else Private.NEVER
    request = HttpRequest("GET", source.url, timeout=TIMEOUT, max_bytes=MAX_BYTES, private=private)
    try:
        async with open_http() as http:
            reply = await http.send(request)
        if reply.status != 200:
            raise NoNumber(f"the guard's source replies with status {reply.status}")
        return number(at(jsontext.read(reply.body), source.path))
    except (Unreachable, Forbidden, Oversized) as error:
        raise NoNumber(f"the guard's source: {error}") from error
    except BadValue as error:
        place = source.path or "its root"
        raise NoNumber(f"the guard's source gives no number at {place}: {error}") from error


async def _view(source: ContractSource, rpc: Rpc) -> Decimal:
    data = f"0x{keccak(text=source.function)[:4].hex()}"
    try:
        returned = await rpc.call("eth_call", {"to": source.address, "data": data}, "latest")
    except (EndpointTrouble, Refusal) as error:
        raise NoNumber(f"{source.function} of {source.address}: {error}") from error
    if not isinstance(returned, str) or len(returned) != 66:
        raise NoNumber(f"{source.function} of {source.address} returned no uint: {shown(returned)}")
    return Decimal(int(returned, 16))


def at(document: Value, path: str) -> Value:
    """What a JSON document has at a path of names and places, joined by dots. Raises BadValue."""
    found = document
    for part in path.split(".") if path else ():
        match found:
            case dict() if part in found:
                found = found[part]
            case list() if part.isascii() and part.isdecimal() and int(part) < len(found):
                found = found[int(part)]
            case _:
                raise BadValue(f"there is no {part!r} in {shown(found)}")
    return found


def _sensible(value: Decimal) -> int:
    if value != value.to_integral_value() or not 1 <= value <= MOST:
        raise NoNumber(f"the guard's source says {shown(str(value))}: no number of nodes")
    return int(value)
