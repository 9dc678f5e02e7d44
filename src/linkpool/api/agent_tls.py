"""TLS for the agent socket: a certificate of the pool's own authority, renewed long before it ends."""

import os
import ssl

from linkpool.fleet.clock import Clock
from linkpool.fleet.secrets.authority import Authority

RENEW_EVERY = 3_600.0
"""Seconds; a wall clock that was wrong is made good within this time."""


class AgentTls:
    """The server's side. `context` is for the listener; new connections see the newest certificate."""

    def __init__(self, authority: Authority, clock: Clock) -> None:
        self._authority = authority
        self._clock = clock
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._load(authority.issue(clock.now()))

    async def renew(self) -> None:
        """A fresh key and certificate for the connections to come."""
        self._load(self._authority.issue(self._clock.now()))

    def _load(self, pem: bytes) -> None:
        # OpenSSL reads a key from a file only: it gets one that is in memory and never on a disk.
        with os.fdopen(os.memfd_create("agent certificate", os.MFD_CLOEXEC), "wb") as file:
            file.write(pem)
            file.flush()
            self.context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
