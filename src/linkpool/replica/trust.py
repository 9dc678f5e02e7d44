"""Whom a replica believes: control planes that the authority with one known fingerprint vouches for.

The authority's certificate is fetched from the control plane itself, over a line that is not trusted yet, and
counts only when its fingerprint is the one that came with the group token. From then on lines are checked
against exactly this authority; what the machine trusts otherwise plays no part.
"""

import ssl

import aiohttp
import structlog

from linkpool.errors import Temporary
from linkpool.wire.trust import CA_PATH, fingerprint

log = structlog.get_logger(__name__)

MAX_BYTES = 16 * 1024
FETCH_SECONDS = 10.0


class WrongAuthority(Temporary):
    """Somebody answers in the control plane's place, or it belongs to another pool."""


class Trust:
    """In one authority. fingerprint: 64 hex digits, lower case."""

    def __init__(self, fingerprint: str, http: aiohttp.ClientSession) -> None:
        self._fingerprint, self._http = fingerprint, http
        self._context: ssl.SSLContext | None = None

    async def context(self, url: str) -> ssl.SSLContext:
        """For a line to the control plane at `url`. Raises WrongAuthority, ClientError, TimeoutError."""
        if self._context is None:
            self._context = _trusting(await self._fetch(url))
            log.info("the pool's authority is known", fingerprint=self._fingerprint)
        return self._context

    async def _fetch(self, url: str) -> bytes:
        limit = aiohttp.ClientTimeout(total=FETCH_SECONDS)
        async with self._http.get(url + CA_PATH, ssl=False, timeout=limit, allow_redirects=False) as reply:
            if reply.status != 200 or (reply.content_length or MAX_BYTES + 1) > MAX_BYTES:
                raise WrongAuthority(f"{url} shows no certificate authority (HTTP {reply.status})")
            shown = await reply.read()
        if fingerprint(shown) != self._fingerprint:
            raise WrongAuthority(
                f"{url} shows an authority that is not this pool's: fingerprint {fingerprint(shown)}, "
                f"not {self._fingerprint}; it is another pool's control plane, or somebody in between"
            )
        return shown


def _trusting(authority: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and name, knows no authority yet
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    context.load_verify_locations(cadata=authority)
    return context
