"""HTTP to data sources, bounded on every side: addresses, redirects, sizes, times, and how many at once.

Two aiohttp sessions, one of which dials public addresses only. Each hop of a redirect chooses its session
anew, and a redirect to another host leaves the job's headers behind. Nothing is shared between lanes but
the loop: a lane may have `PER_LANE` requests open to one host, and waits only for itself.
"""

import asyncio
import contextlib
import socket
import zlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from linkpool.jobs.addresses import is_public
from linkpool.jobs.services import Forbidden, HttpReply, HttpRequest, Oversized, Private, Unreachable
from linkpool.names import FreshNames, connector

PER_LANE = 128
_REDIRECTS = {301, 302, 303, 307, 308}
_KEEP_METHOD = {307, 308}
_PACKED = {"gzip", "x-gzip", "deflate"}


class _Refused(OSError):
    """The address is not public."""


@contextlib.asynccontextmanager
async def open_http(*, per_lane: int = PER_LANE) -> AsyncIterator["HttpClient"]:
    """The real `Http`: one per process, closed at the end of the block."""
    names = FreshNames()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(names.close)
        anywhere = await stack.enter_async_context(_session(names, None))
        public = await stack.enter_async_context(_session(_PublicResolver(names), _public_socket))
        yield HttpClient(anywhere, public, per_lane)


def _session(names: AbstractResolver, sockets: Any) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector(names, socket_factory=sockets, limit=0),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None, sock_read=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity", "User-Agent": "linkpool"},
        auto_decompress=False,  # a reply must not unpack to more than allowed, see _unpacked
    )


class _PublicResolver(AbstractResolver):
    """Drops addresses that are not public; a name without public ones is refused."""

    def __init__(self, names: AbstractResolver) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._names.resolve(host, port, family)
        public = [result for result in found if is_public(result["host"])]
        if found and not public:
            raise _Refused(f"{host} is at {found[0]['host']}")
        return public

    async def close(self) -> None:
        """The names belong to `open_http`."""


def _public_socket(info: tuple[Any, ...]) -> socket.socket:
    """The last word before dialling: also sees addresses that were written as numbers and never resolved."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise _Refused(f"{address[0]} is not public")
    return socket.socket(family, kind, protocol)


class HttpClient:
    """See `services.Http`."""

    def __init__(
        self, anywhere: aiohttp.ClientSession, public: aiohttp.ClientSession, per_lane: int = PER_LANE
    ) -> None:
        self._anywhere = anywhere
        self._public = public
        self._per_lane = per_lane
        self._lanes: dict[tuple[str, str], tuple[asyncio.Semaphore, int]] = {}

    async def send(self, request: HttpRequest) -> HttpReply:
        """The reply, redirects followed. Raises Unreachable, Forbidden, Oversized."""
        url = _url(request.url)
        try:
            async with asyncio.timeout(request.timeout), self._place(request.lane, url.host or ""):
                return await self._follow(request, url)
        except TimeoutError:
            raise Unreachable(f"{_shown(url)} gave no reply within {request.timeout:g} s") from None

    async def _follow(self, request: HttpRequest, first: URL) -> HttpReply:
        method, body, url, headers = request.method, request.body, first, request.headers
        for _ in range(request.redirects + 1):
            near = _same_party(first, url)
            trusted = request.private is Private.ALWAYS or (request.private is Private.FIRST and near)
            session = self._anywhere if trusted else self._public
            hop = method, url, headers if near else (), body
            reply = await self._hop(session, hop, request.max_bytes)
            target = reply.headers.get("location")
            if reply.status not in _REDIRECTS or not target or not request.redirects:
                return reply
            url = _joined(url, target)
            if reply.status not in _KEEP_METHOD:
                method, body = ("HEAD" if method == "HEAD" else "GET"), None
            elif body is not None and not _same_party(first, url):
                raise Forbidden(f"{_shown(first)} redirects what was sent to it to {_shown(url)}")
        raise Unreachable(f"{_shown(first)} redirects more than {request.redirects} times")

    async def _hop(
        self,
        session: aiohttp.ClientSession,
        hop: tuple[str, URL, tuple[tuple[str, str], ...], bytes | None],
        most: int,
    ) -> HttpReply:
        method, url, headers, body = hop
        try:
            async with session.request(
                method, url, headers=headers, data=body, allow_redirects=False
            ) as response:
                packed = response.headers.get("Content-Encoding", "identity").strip().lower()
                content = await _read(response, most, url)
                lower = {name.lower(): value for name, value in response.headers.items()}
                return HttpReply(response.status, _unpacked(content, packed, most, url), lower)
        except aiohttp.InvalidURL:
            raise Forbidden(f"{_shown(url)} is not a URL to ask") from None
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, _Refused):
                raise Forbidden(f"{_shown(url)} leads to a private address: {error.os_error}") from None
            raise Unreachable(f"{_shown(url)} cannot be reached: {error.os_error}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(f"{_shown(url)} broke off: {str(error) or type(error).__name__}") from None

    @contextlib.asynccontextmanager
    async def _place(self, lane: str | None, host: str) -> AsyncIterator[None]:
        """A place among the lane's requests to this host; the semaphore lives as long as someone uses it."""
        if lane is None:
            yield
            return
        key = (lane, host)
        places, users = self._lanes.get(key, (asyncio.Semaphore(self._per_lane), 0))
        self._lanes[key] = places, users + 1
        try:
            async with places:
                yield
        finally:
            users = self._lanes[key][1] - 1
            if users:
                self._lanes[key] = places, users
            else:
                del self._lanes[key]


def _same_party(first: URL, url: URL) -> bool:
    """The same host at the same port, or its switch from http to https."""
    upgraded = first.scheme == "http" and (url.scheme, url.port) == ("https", 443)
    return url.origin() == first.origin() or (url.host == first.host and upgraded)


def _url(written: str) -> URL:
    try:
        url = URL(written)
    except ValueError:
        raise Forbidden(f"{written[:80]!r} is not a URL") from None
    return _checked(url)


def _joined(url: URL, target: str) -> URL:
    try:
        return _checked(url.join(URL(target)))
    except ValueError:
        raise Unreachable(f"{_shown(url)} redirects to something that is no URL") from None


def _checked(url: URL) -> URL:
    if url.scheme not in {"http", "https"} or not url.host:
        raise Forbidden(f"{_shown(url)} is neither http nor https")
    return url


def _shown(url: URL) -> str:
    """Without user, query and fragment, which may hold secrets."""
    return str(url.with_user(None).with_query(None).with_fragment(None))[:200] if url.host else "the URL"


async def _read(response: aiohttp.ClientResponse, most: int, url: URL) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > most:
            raise Oversized(f"{_shown(url)} replies with more than {most} bytes")
    return bytes(content)


def _unpacked(content: bytes, packed: str, most: int, url: URL) -> bytes:
    """Some sources pack though nobody asked them to."""
    if packed in {"identity", ""}:
        return content
    if packed not in _PACKED:
        raise Unreachable(f"{_shown(url)} replies in encoding {packed[:20]}, which was not asked for")
    try:
        whole = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(content, most + 1)
    except zlib.error as error:
        raise Unreachable(f"{_shown(url)} replies with broken {packed}: {error}") from None
    if len(whole) > most:
        raise Oversized(f"{_shown(url)} replies with more than {most} bytes once unpacked")
    return whole
