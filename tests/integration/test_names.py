"""Who restarts at another address is found there within seconds, whatever the name server allows."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from linkpool import names
from linkpool.names import FreshNames

TEN_MINUTES = 600
"""For which Docker's name server has its answers kept."""


class NameServer(asyncio.DatagramProtocol):
    """Answers every question for an IPv4 address with the same one."""

    def __init__(self) -> None:
        self.address = "10.0.1.4"
        self.asked = 0
        self.silent = False
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.asked += 1
        end = data.index(0, 12) + 5
        kind = struct.unpack(">H", data[end - 4 : end - 2])[0]
        answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, TEN_MINUTES, 4) + socket.inet_aton(self.address)
        found = answer if kind == 1 else b""
        head = data[:2] + b"\x81\x80" + struct.pack(">HHHH", 1, bool(found), 0, 0)
        if not self.silent:
            self._transport.sendto(head + data[12:end] + found, addr)


@asynccontextmanager
async def named(**options: Any) -> AsyncIterator[tuple[NameServer, FreshNames]]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        NameServer, local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    resolver = FreshNames(servers=["127.0.0.1"], udp_port=port, tcp_port=port, **options)
    try:
        yield server, resolver
    finally:
        await resolver.close()
        transport.close()


async def where(resolver: FreshNames) -> str:
    (found,) = await resolver.resolve("control-a.linkpool.test", 8701)
    return found["host"]


async def test_an_address_that_changed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async with named() as (server, resolver):
        assert await where(resolver) == "10.0.1.4"
        server.address = "10.0.1.18"
        assert await where(resolver) == "10.0.1.4", "it was asked for just now"
        asked = server.asked
        monkeypatch.setattr(names, "FRESH", 0.0)
        assert await where(resolver) == "10.0.1.18"
        assert server.asked > asked


async def test_those_who_wait_when_a_new_resolver_steps_in_get_their_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(names, "FRESH", 0.0)
    async with named(timeout=0.2) as (server, resolver):
        server.silent = True
        waiting = [asyncio.create_task(where(resolver)) for _ in range(5)]
        while server.asked < len(waiting):
            await asyncio.sleep(0.01)
        server.silent = False
        assert await where(resolver) == "10.0.1.4"
        assert await asyncio.gather(*waiting) == ["10.0.1.4"] * len(waiting)


async def test_a_name_that_nobody_knows_is_an_error_of_the_system() -> None:
    async with named(timeout=0.1, tries=1) as (server, resolver):
        server.silent = True
        with pytest.raises(OSError, match=r"DNS|[Tt]imeout|name"):
            await where(resolver)


async def test_a_lookup_ends_when_all_is_given_up() -> None:
    async with named() as (server, resolver):
        server.silent = True
        waiting = asyncio.create_task(where(resolver))
        while not server.asked:
            await asyncio.sleep(0.01)
        await resolver.close()
        with pytest.raises(OSError, match=r"DNS|cancel"):
            await waiting
