"""What an endpoint makes of a server that misbehaves, over HTTP and over WebSocket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from linkpool.chain.endpoint import connect
from linkpool.chain.rpc import Garbage, RateLimited, Refusal, Rpc, TimedOut, Unreachable

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    """Host and port of a server that answers every request by `handler`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def endpoint(handler: Handler, scheme: str = "http") -> AsyncIterator[Rpc]:
    async with server(handler) as host, aiohttp.ClientSession() as session:
        end = connect(f"{scheme}://{host}/v1/secret-key-of-a-provider", session, timeout=0.5)
        yield end
        await end.close()


def says(text: str, status: int = 200) -> Handler:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status)

    return handler


def tells(*messages: str) -> Handler:
    """A WebSocket server that answers the first message with these, and stays open."""

    async def handler(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        for message in messages:
            await socket.send_str(message)
        await socket.receive()
        return socket

    return handler


async def hangs(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


async def hangs_up(request: web.Request) -> web.StreamResponse:
    assert request.transport
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (says("<html>"), Garbage),
        (says(""), Garbage),
        (says("[]"), Garbage),
        (says('"text"'), Garbage),
        (says('{"jsonrpc":"2.0","id":1}'), Garbage),
        (says('{"jsonrpc":"2.0","id":1,"error":"bad"}'), Garbage),
        (says('{"error":{"code":-32000,"message":"strange"}}'), Refusal),
        (says("slow down", 429), RateLimited),
        (says("oops", 502), Unreachable),
        (says("no such key", 403), Unreachable),
        (hangs, TimedOut),
        (hangs_up, Unreachable),
    ],
)
async def test_a_call_over_http(handler: Handler, error: type[Exception]) -> None:
    async with endpoint(handler) as end:
        with pytest.raises(error) as caught:
            await end.call("eth_blockNumber")
        assert "secret-key" not in str(caught.value)


async def test_a_batch_over_http_is_matched_by_id() -> None:
    async def shuffled(request: web.Request) -> web.StreamResponse:
        answers = [{"id": one["id"], "result": one["params"][0]} for one in await request.json()]
        return web.json_response(answers[::-1])

    async with endpoint(shuffled) as end:
        assert await end.batch([("eth_call", (number,)) for number in range(120)]) == list(range(120))


@pytest.mark.parametrize("answer", ["[]", '[{"id": 1}]', "[1, null]", '{"id": 1, "result": 1}'])
async def test_a_batch_that_lacks_an_answer_is_garbage(answer: str) -> None:
    async with endpoint(says(answer)) as end:
        with pytest.raises(Garbage):
            await end.batch([("eth_chainId", ()), ("eth_blockNumber", ())])


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (tells("<html>"), Garbage),
        (tells("[1, 2]"), Garbage),
        (tells('{"id": 1}'), Garbage),
        (tells('{"id": "one", "result": 1}'), TimedOut),
        (tells('{"method": "eth_subscription", "params": []}'), Garbage),
        (tells('{"id": 1, "error": {"code": -32000, "message": "strange"}}'), Refusal),
        (says("<html>"), Unreachable),
        (hangs, TimedOut),
        (hangs_up, Unreachable),
    ],
)
async def test_a_call_over_websocket(handler: Handler, error: type[Exception]) -> None:
    async with endpoint(handler, "ws") as end:
        with pytest.raises(error) as caught:
            await end.call("eth_blockNumber")
        assert "secret-key" not in str(caught.value)


async def test_a_lost_websocket_is_opened_again_for_the_next_call() -> None:
    async def once(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        call = await socket.receive_json()
        await socket.send_json({"id": call["id"], "result": "0x1"})
        await socket.close()
        return socket

    async with endpoint(once, "ws") as end:
        for _ in range(3):
            answers = 0
            while not answers:  # the close may reach us after the next call was sent: that call is lost
                try:
                    assert await end.call("eth_blockNumber") == "0x1"
                    answers += 1
                except Unreachable:
                    continue


async def test_a_subscription_ends_with_its_connection_and_waits_otherwise() -> None:
    enough = asyncio.Event()

    async def two_then_gone(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        call = await socket.receive_json()
        notice = {
            "method": "eth_subscription",
            "params": {"subscription": "0xa", "result": {"number": "0x1"}},
        }
        foreign = {"method": "eth_subscription", "params": {"subscription": "0xb", "result": {}}}
        await socket.send_json(notice)  # before the answer: nothing may be lost
        await socket.send_json({"id": call["id"], "result": "0xa"})
        await socket.send_json(foreign)
        await socket.send_json(notice)
        await enough.wait()
        await socket.close()
        return socket

    async with endpoint(two_then_gone, "ws") as end, end.subscribe(("newHeads",)) as notices:  # type: ignore[attr-defined]
        assert await anext(notices) == ("newHeads", {"number": "0x1"})
        assert await anext(notices) == ("newHeads", {"number": "0x1"})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(notices)
        enough.set()
        for _ in range(2):
            with pytest.raises(Unreachable):
                await anext(notices)


async def test_a_node_that_refuses_to_subscribe_is_no_use_for_it() -> None:
    refusal = '{"id": 1, "error": {"code": -32000, "message": "notifications not for you"}}'
    async with endpoint(tells(refusal), "ws") as end:
        with pytest.raises(Unreachable, match="refuses to subscribe newHeads"):
            async with end.subscribe(("newHeads",)):  # type: ignore[attr-defined]
                pass
