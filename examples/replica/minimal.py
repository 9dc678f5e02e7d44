"""The smallest program that a LinkPool node runs as its replica: it serves, but answers nothing.

Written from docs/replica-program.md alone, without LinkPool's code. Put your oracle where `work` says so.
What it is told is a JSON line each on its output, the key left out.
"""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from eth_abi import encode
from eth_account import Account
from eth_utils import keccak

BEAT_SECONDS = 0.5
REGISTER = "register((address,address[],uint256,uint256,uint256),bytes)"


class Replica:
    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http, self.rpc_url = http, os.environ["LINKPOOL_RPC_URLS"].split(",")[-1]  # the last is HTTP
        self.state, self.catalog, self.registered = "claiming", 0, False
        self.slot: int | None = None
        self.stamp = (0, 0)
        self.sockets: set[aiohttp.ClientWebSocketResponse] = set()
        self.health = self.head = None
        self.ending = asyncio.Event()

    async def rpc(self, method: str, *params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self.http.post(self.rpc_url, json=body) as reply:
            return (await reply.json())["result"]

    async def dial(self, url: str) -> None:
        """Hold a line to one control plane for ever."""
        while True:
            try:
                async with self.http.ws_connect(f"{url}/agent/v1", max_msg_size=16 * 2**20) as socket:
                    await socket.send_json(self.hello())
                    self.sockets.add(socket)
                    async for frame in socket:
                        await self.take(json.loads(frame.data))
            except aiohttp.ClientError as error:
                print(json.dumps({"kind": "line_lost", "why": str(error)}), flush=True)
            self.sockets = {one for one in self.sockets if not one.closed}
            await asyncio.sleep(0.5)

    def hello(self) -> dict[str, Any]:
        token = Path(os.environ["LINKPOOL_TOKEN_FILE"]).read_text().strip()
        names = {"group": os.environ["LINKPOOL_GROUP"], "task": os.environ["LINKPOOL_TASK"]}
        held = {"slot": self.slot, "health": self.health}
        return {"kind": "hello", "protocol": 1, **names, "token": token, **held}

    async def take(self, message: dict[str, Any]) -> None:
        """One word of a control plane; what is older than the newest, or of an unknown kind, is ignored."""
        stamp = (message.get("epoch", self.stamp[0]), message.get("version", 0))
        if stamp[0] < self.stamp[0]:
            return
        self.stamp = max(self.stamp, stamp)
        print(json.dumps({key: value for key, value in message.items() if key != "sender_key"}), flush=True)
        match message["kind"]:
            case "welcome" if self.slot is None:
                self.slot, self.state = message["slot"], "syncing"
                self.work_task = asyncio.create_task(self.work(message["node"], message["sender_key"]))
            case "refused" if message["final"]:
                raise SystemExit(f"refused for good: {message['reason']}")
            case "catalog":
                self.catalog = message["revision"]
            case "drain" if self.state == "serving":
                self.state = "draining"
            case "resume" if self.state == "draining" and not self.ending.is_set():
                self.state = "serving"
            case "probe":
                found = {"ok": True, "detail": "this program computes nothing", "checked": 0}
                await self.say({"kind": "probed", "id": message["id"], **found})
        await self.beat()

    async def work(self, node: dict[str, Any], key: str) -> None:
        """Register the node if it is new, then serve. An oracle would follow its logs from here on."""
        invited = False
        while await self.rpc("eth_getCode", node["oracle"], "latest") == "0x":
            if node["invite"] and self.slot == 0 and not invited:
                invited = await self.register(node, key)
            await asyncio.sleep(0.2)
        self.registered, self.state = True, "serving"
        await self.beat()

    async def register(self, node: dict[str, Any], key: str) -> bool:
        account, invite = Account.from_key(key), node["invite"]
        if int(await self.rpc("eth_getBalance", account.address, "latest"), 16) == 0:
            return False
        row = [invite[name] for name in ("wallet", "senders", "capacity", "deadline", "nonce")]
        row[2] = int(row[2])
        types = ["(address,address[],uint256,uint256,uint256)", "bytes"]
        data = keccak(text=REGISTER)[:4] + encode(types, [row, bytes.fromhex(invite["signature"][2:])])
        price = 2 * int(await self.rpc("eth_gasPrice"), 16)
        terms = {"to": node["pool"], "value": 0, "data": data, "gas": 1_500_000, "gasPrice": price}
        signed = account.sign_transaction({**terms, "nonce": 0, "chainId": node["chain_id"]})
        await self.rpc("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex().removeprefix("0x"))
        return True

    async def beat(self) -> None:
        draining = self.state == "draining"
        seen = {"catalog": self.catalog, "registered": self.registered, "in_hand": [], "drained": draining}
        ready = self.state == "serving"
        await self.say({"kind": "heartbeat", "state": self.state, "ready": ready, "head": self.head, **seen})

    async def say(self, message: dict[str, Any]) -> None:
        for socket in [one for one in self.sockets if not one.closed]:
            await socket.send_json(message)

    async def serve_health(self) -> web.AppRunner:
        async def ready(_: web.Request) -> web.Response:
            return web.Response(text=self.state, status=200 if self.state == "serving" else 503)

        async def live(_: web.Request) -> web.Response:
            return web.Response(text="live")

        async def metrics(_: web.Request) -> web.Response:
            return web.Response(text=f'minimal_slot{{state="{self.state}"}} {self.slot or 0}\n')

        app = web.Application()
        app.add_routes([web.get("/ready", ready), web.get("/live", live), web.get("/metrics", metrics)])
        runner = web.AppRunner(app)
        await runner.setup()
        host = os.environ.get("LINKPOOL_HEALTH_HOST", "127.0.0.1")
        await web.TCPSite(runner, host, int(os.environ.get("LINKPOOL_HEALTH_PORT", "0"))).start()
        self.health = "http://{}:{}".format(*runner.addresses[0][:2])
        return runner


async def main() -> None:
    async with aiohttp.ClientSession() as http:
        replica = Replica(http)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, replica.ending.set)
        runner = await replica.serve_health()
        urls = os.environ["LINKPOOL_CONTROL_URLS"].split(",")
        lines = [asyncio.create_task(replica.dial(url)) for url in urls]
        while not replica.ending.is_set():
            await replica.beat()
            try:
                await asyncio.wait_for(replica.ending.wait(), BEAT_SECONDS)
            except TimeoutError:
                continue
        replica.state = "draining"  # nothing is in hand: it is done at once
        await replica.beat()
        await replica.say({"kind": "goodbye"})
        for line in lines:
            line.cancel()
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
