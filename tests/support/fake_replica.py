"""A replica that speaks the agent protocol and does nothing else: run as a real process by an engine.

    python -m tests.support.fake_replica

Every message it gets is one JSON line on its output, {"at": monotonic seconds, "kind": ..., ...}; secrets
stay masked. It registers its node when it holds an invite and gas, and serves at once. SIGTERM ends it
politely.
"""

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from linkpool.chain.keys import Key
from linkpool.contracts.invite import Invite
from linkpool.contracts.pool import Pool
from linkpool.wire.agent import DOWN, HEARTBEAT_SECONDS, Goodbye, Heartbeat, Hello, State, Welcome, encode

REGISTER_GAS = 1_500_000
ALONE_SECONDS = 300.0
"""Without a control plane for so long, the test is over and somebody forgot to end this."""


def say(**fields: Any) -> None:
    with suppress(OSError):  # a full disk takes its words, not its life
        print(json.dumps({"at": time.monotonic(), **fields}), flush=True)


class FakeReplica:
    """One process; `slot` survives a lost connection."""

    def __init__(self) -> None:
        self.slot: int | None = None
        self.catalog = 0
        self.registering: asyncio.Task[None] | None = None
        self.stopping = asyncio.Event()
        self.heard_at = time.monotonic()

    async def run(self, urls: list[str]) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.stopping.set)
        lines = [asyncio.create_task(self._dial(url)) for url in urls]
        await self.stopping.wait()
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)

    async def _dial(self, url: str) -> None:
        target = url.replace("http", "ws", 1) + "/agent/v1"
        while True:
            try:
                async with connect(target, max_size=None, proxy=None) as socket:
                    await self._talk(socket)
            except (OSError, WebSocketException):  # whatever a killed control plane leaves unsaid
                say(kind="line_lost", url=url)
                if time.monotonic() - self.heard_at > ALONE_SECONDS:
                    self.stopping.set()
            await asyncio.sleep(0.1)

    async def _talk(self, socket: ClientConnection) -> None:
        hello = Hello(
            group=os.environ["LINKPOOL_GROUP"],
            task=os.environ["LINKPOOL_TASK"],
            token=Path(os.environ["LINKPOOL_TOKEN_FILE"]).read_text(),
            slot=self.slot,
        )
        await socket.send(encode(hello))
        beating: asyncio.Task[None] | None = None
        try:
            async for raw in socket:
                self.heard_at = time.monotonic()
                message = DOWN.validate_json(raw)
                say(**message.model_dump(mode="json"))
                if isinstance(message, Welcome):
                    self.slot = message.slot
                    if message.node.invite is not None and self.registering is None:
                        self.registering = asyncio.create_task(self._register(message))
                    beating = asyncio.create_task(self._beat(socket))
                elif message.kind == "catalog":
                    self.catalog = message.revision
        except asyncio.CancelledError:
            await socket.send(encode(Goodbye()))
            raise
        finally:
            if beating is not None:
                beating.cancel()

    async def _beat(self, socket: ClientConnection) -> None:
        while True:
            beat = Heartbeat(state=State.SERVING, ready=True, catalog=self.catalog, registered=True)
            await socket.send(encode(beat))
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _register(self, welcome: Welcome) -> None:
        key = Key(welcome.sender_key.get_secret_value())
        offered = welcome.node.invite
        assert offered is not None
        invite = Invite(
            offered.wallet, offered.senders, int(offered.capacity), offered.deadline, offered.nonce
        )
        call = Pool(welcome.node.pool).register(invite, bytes.fromhex(offered.signature[2:]))
        async with aiohttp.ClientSession() as session:
            url = os.environ["LINKPOOL_RPC_URLS"].split(",")[0]
            while int(await rpc(session, url, "eth_getBalance", key.address, "latest"), 16) == 0:
                await asyncio.sleep(0.05)
            nonce = int(await rpc(session, url, "eth_getTransactionCount", key.address, "latest"), 16)
            price = int(await rpc(session, url, "eth_gasPrice"), 16)
            fields = {
                "nonce": nonce,
                "gas": REGISTER_GAS,
                "gasPrice": price,
                "chainId": welcome.node.chain_id,
            }
            raw, _ = key.sign({**call.request, **fields, "value": 0})
            await rpc(session, url, "eth_sendRawTransaction", f"0x{raw.hex()}")


async def rpc(session: aiohttp.ClientSession, url: str, method: str, *params: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    async with session.post(url, json=body) as response:
        answer = await response.json()
    if "error" in answer:
        say(kind="rpc_error", method=method, error=answer["error"])
    return answer.get("result")


if __name__ == "__main__":
    asyncio.run(FakeReplica().run(os.environ["LINKPOOL_CONTROL_URLS"].split(",")))
