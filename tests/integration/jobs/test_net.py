"""The real HTTP client against real servers that misbehave: addresses, redirects, sizes, times, lanes."""

import asyncio
import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from linkpool.jobs import net
from linkpool.jobs.net import HttpClient, open_http
from linkpool.jobs.services import Forbidden, HttpRequest, Oversized, Private, Unreachable


class Server:
    """An aiohttp server on a free port of 127.0.0.1; `seen` are its requests' paths and headers."""

    def __init__(self) -> None:
        self.seen: list[web.Request] = []
        self.port = 0
        self.release = asyncio.Event()

    def at(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        _, kind, *rest = request.path.split("/")
        return await getattr(self, f"_{kind}")(request, *rest)

    async def _echo(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"method": request.method, "body": (await request.read()).decode()})

    async def _status(self, _: web.Request, status: str) -> web.StreamResponse:
        return web.Response(status=int(status), text="body")

    async def _size(self, _: web.Request, size: str) -> web.StreamResponse:
        return web.Response(body=b"x" * int(size))

    async def _hang(self, _: web.Request) -> web.StreamResponse:
        await self.release.wait()
        return web.Response(text="released")

    async def _packed(self, _: web.Request, how: str) -> web.StreamResponse:
        return web.Response(body=_PACKED[how], headers={"Content-Encoding": how.split("-", maxsplit=1)[0]})

    async def _go(self, request: web.Request, status: str) -> web.StreamResponse:
        return web.Response(status=int(status), headers={"Location": request.query["to"]})

    async def _loop(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/loop"})

    async def _cookie(self, request: web.Request) -> web.StreamResponse:
        text = request.headers.get("Cookie", "none")
        return web.Response(text=text, headers={"Set-Cookie": "a=b; Path=/"})

    async def _chunks(self, request: web.Request, size: str) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(int(size) // 1000):
                await response.write(b"x" * 1000)
        return response

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b".")
                await asyncio.sleep(0.05)
        return response


_PACKED = {
    "gzip": gzip.compress(b"unpacked"),
    "deflate": zlib.compress(b"unpacked"),
    "gzip-bomb": gzip.compress(bytes(50_000_000)),
    "gzip-broken": b"\x1f\x8bnothing",
    "br": b"\x0b\x02\x80unpacked\x03",
}


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    runner = web.ServerRunner(web.Server(server.handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = site._server.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.release.set()
        await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with open_http() as client:
        yield client


def asking(url: str, private: Private = Private.ALWAYS, **more: Any) -> HttpRequest:
    return HttpRequest("GET", url, private=private, **more)


async def test_a_request_and_its_reply(http: HttpClient, server: Server) -> None:
    request = HttpRequest("POST", server.at("/echo"), (("X-Key", "k"),), b'{"a":1}', private=Private.ALWAYS)
    reply = await http.send(request)
    assert (reply.status, reply.body) == (200, b'{"method": "POST", "body": "{\\"a\\":1}"}')
    assert reply.headers["content-type"].startswith("application/json")
    assert server.seen[0].headers["X-Key"] == "k"
    assert server.seen[0].headers["Accept-Encoding"] == "identity"
    assert (await http.send(asking(server.at("/status/503")))).status == 503


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "2130706433",
        "127.1",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "[::ffff:127.0.0.1]",
        "127.0.0.1.",
        "①②⑦.⓪.⓪.①",
    ],
)
async def test_every_spelling_of_this_machine_is_refused(http: HttpClient, server: Server, host: str) -> None:
    with pytest.raises((Forbidden, Unreachable)):
        await http.send(asking(server.at("/echo", host), Private.NEVER))
    assert server.seen == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://localhost:1/", "http://169.254.169.254/latest"]
)
async def test_a_private_address_is_refused_for_good(http: HttpClient, url: str) -> None:
    with pytest.raises(Forbidden, match="private"):
        await http.send(asking(url, Private.NEVER))


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "file:///etc/passwd", "http://", "nothing", "http://[bad/"]
)
async def test_what_is_no_web_address_is_refused(http: HttpClient, url: str) -> None:
    with pytest.raises(Forbidden):
        await http.send(asking(url))


async def test_a_redirect_inward_is_refused_unless_the_job_allows_it(
    http: HttpClient, server: Server
) -> None:
    async with serving() as inner:
        outward = server.at(f"/go/302?to={inner.at('/echo')}")
        with pytest.raises(Forbidden, match="private"):
            await http.send(asking(outward, Private.FIRST))
        assert inner.seen == []
        assert (await http.send(asking(outward, Private.ALWAYS))).status == 200
    at_home = server.at("/go/302?to=/echo")
    assert (await http.send(asking(at_home, Private.FIRST))).status == 200


async def test_a_name_that_turns_private_between_two_hops_is_refused(
    http: HttpClient, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first hop finds a public address, the second one a private one."""
    monkeypatch.setattr(net, "is_public", lambda _: not server.seen)
    url = server.at(f"/go/302?to={server.at('/echo')}", "localhost")
    with pytest.raises(Forbidden, match="private"):
        await http.send(asking(url, Private.NEVER))
    assert [request.path for request in server.seen] == ["/go/302"]


@pytest.mark.parametrize(
    ("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")]
)
async def test_methods_after_redirects(http: HttpClient, server: Server, status: int, method: str) -> None:
    url = server.at(f"/go/{status}?to=/echo")
    reply = await http.send(HttpRequest("POST", url, body=b"data", private=Private.ALWAYS))
    assert f'"method": "{method}"'.encode() in reply.body
    assert (b'"data"' in reply.body) == (method == "POST")


async def test_headers_and_data_do_not_follow_to_another_host(http: HttpClient, server: Server) -> None:
    async with serving() as other:
        headers = (("Authorization", "Bearer s3cret"), ("X-Api-Key", "s3cret"))
        url = server.at(f"/go/302?to={other.at('/echo')}")
        await http.send(HttpRequest("GET", url, headers, private=Private.ALWAYS))
        assert "s3cret" not in str(other.seen[0].headers)
        url = server.at(f"/go/307?to={other.at('/echo')}")
        with pytest.raises(Forbidden, match="redirects what was sent"):
            await http.send(HttpRequest("POST", url, body=b"data", private=Private.ALWAYS))
        assert len(other.seen) == 1


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("http://a.example/x", "http://a.example/y", True),
        ("http://a.example/", "https://a.example/", True),
        ("https://a.example/", "http://a.example/", False),
        ("http://a.example/", "https://a.example:8443/", False),
        ("http://a.example/", "http://a.example:81/", False),
        ("http://a.example/", "http://b.example/", False),
        ("http://10.0.0.1/", "https://10.0.0.2/", False),
    ],
)
def test_who_is_the_same_party(first: str, second: str, same: bool) -> None:
    assert net._same_party(URL(first), URL(second)) is same


@pytest.mark.parametrize("target", ["ftp://x/", "http://[bad", "//", "javascript:alert(1)"])
async def test_redirects_to_nonsense(http: HttpClient, server: Server, target: str) -> None:
    with pytest.raises((Forbidden, Unreachable)):
        await http.send(asking(server.at(f"/go/302?to={target}")))


async def test_redirects_end(http: HttpClient, server: Server) -> None:
    with pytest.raises(Unreachable, match="more than 5 times"):
        await http.send(asking(server.at("/loop")))
    assert len(server.seen) == 6
    assert (await http.send(asking(server.at("/loop"), redirects=0))).status == 302


@pytest.mark.parametrize("path", ["/size/32769", "/size/50000000", "/chunks/50000000", "/packed/gzip-bomb"])
async def test_large_replies_are_cut_off(http: HttpClient, server: Server, path: str) -> None:
    tracemalloc.start()
    with pytest.raises(Oversized, match="more than 32768 bytes"):
        await http.send(asking(server.at(path)))
    tracemalloc.stop()
    assert (await http.send(asking(server.at("/size/32768")))).body == b"x" * 32768


async def test_a_bomb_is_not_unpacked() -> None:
    tracemalloc.start()
    with pytest.raises(Oversized):
        net._unpacked(_PACKED["gzip-bomb"], "gzip", 32_768, URL("http://x"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("how", ["gzip", "deflate"])
async def test_packed_replies_are_read(http: HttpClient, server: Server, how: str) -> None:
    assert (await http.send(asking(server.at(f"/packed/{how}")))).body == b"unpacked"


@pytest.mark.parametrize("how", ["br", "gzip-broken"])
async def test_strange_packings_are_an_error(http: HttpClient, server: Server, how: str) -> None:
    with pytest.raises(Unreachable):
        await http.send(asking(server.at(f"/packed/{how}")))


@pytest.mark.parametrize("path", ["/hang", "/drip"])
@pytest.mark.timeout(60)
async def test_slow_replies_end_in_time(http: HttpClient, server: Server, path: str) -> None:
    with pytest.raises(Unreachable, match=r"within 0\.3 s"):
        await http.send(asking(server.at(path), timeout=0.3))


async def test_nobody_there(http: HttpClient) -> None:
    with pytest.raises(Unreachable, match="cannot be reached"):
        await http.send(asking("http://127.0.0.1:1/"))
    with pytest.raises(Unreachable, match="cannot be reached"):
        await http.send(asking("http://no-such-name.invalid/"))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 9999,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 99_999,
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_servers_that_do_not_speak_http(http: HttpClient, answer: bytes) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(reply, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(Unreachable):
            await http.send(asking(f"http://127.0.0.1:{port}/", timeout=5.0))


async def test_no_cookies_are_kept(http: HttpClient, server: Server) -> None:
    for _ in range(2):
        assert (await http.send(asking(server.at("/cookie")))).body == b"none"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_lane_waits_only_for_itself(server: Server) -> None:
    async with open_http(per_lane=2) as http:
        hanging = [asyncio.create_task(http.send(asking(server.at("/hang"), lane="a"))) for _ in range(5)]
        await until(lambda: len(server.seen) == 2)
        assert (await http.send(asking(server.at("/echo"), lane="b"))).status == 200
        assert [request.path for request in server.seen] == ["/hang", "/hang", "/echo"]
        server.release.set()
        assert [reply.body for reply in await asyncio.gather(*hanging)] == [b"released"] * 5
        assert http._lanes == {}
