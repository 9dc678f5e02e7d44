"""From a URL to an endpoint: HTTP or WebSocket, by its scheme."""

import aiohttp
from yarl import URL

from linkpool.chain.http import HttpEndpoint
from linkpool.chain.jsonrpc import CALL_SECONDS
from linkpool.chain.websocket import SocketEndpoint
from linkpool.errors import Permanent
from linkpool.log import hide

_SECRET_LENGTH = 16


class BadUrl(Permanent):
    """The URL of an endpoint is none we can use."""


def connect(
    url: str, session: aiohttp.ClientSession, *, timeout: float = CALL_SECONDS
) -> HttpEndpoint | SocketEndpoint:
    """The endpoint behind `url` (http, https, ws, wss); nothing is sent yet. Raises BadUrl.

    `timeout` in seconds, per call. The session stays the caller's, to close after the endpoint. Parts of
    the URL long enough to be a key are hidden from logs.
    """
    try:
        parsed = URL(url)
    except ValueError as problem:
        raise BadUrl("an RPC URL could not be read; it should look like wss://host/path") from problem
    for secret in (parsed.password, *parsed.parts, *parsed.query.values()):
        if secret and len(secret) >= _SECRET_LENGTH:
            hide(secret)
    if parsed.host and parsed.scheme in {"http", "https"}:
        return HttpEndpoint(parsed, session, timeout)
    if parsed.host and parsed.scheme in {"ws", "wss"}:
        return SocketEndpoint(parsed, session, timeout)
    raise BadUrl(f"an RPC URL starts with http, https, ws or wss and names a host, not {parsed.scheme!r}")
