"""The working parts of one relay, wired: the chain in, answers and notices out. Opens no socket.

    upstreams -> feed -> blocks -> answers, clients

While it is not sure that its tip is the chain's newest block it answers nothing and ends all subscriptions,
so that replicas go to the next endpoint at once and come back when it is sure again.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from linkpool.chain.clock import ChainClock
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.rpc import RateLimited, Unreachable, Unsupported
from linkpool.relay.answers import Answers
from linkpool.relay.blocks import Blocks
from linkpool.relay.checking import Checks
from linkpool.relay.clients import Client, Clients, Subscription
from linkpool.relay.coverage import Coverage
from linkpool.relay.feed import Feed
from linkpool.relay.interest import Interest
from linkpool.relay.messages import respond

MAX_SUBSCRIPTIONS = 32
"""Of one connection."""

LOOK_SECONDS = 0.25


class Core:
    """One relay at work. window: blocks kept; offset: seconds by which its comparisons are shifted."""

    def __init__(self, endpoints: Endpoints, *, chain_id: int, window: int, offset: float = 0.0) -> None:
        self.endpoints = endpoints
        clock, interest = ChainClock(), Interest()
        self.clients = Clients(interest)
        self.feed = Feed(endpoints, clock, Blocks(window), interest, self.clients.tell)
        self.checks = Checks(self.feed, endpoints, offset=offset)
        self._coverage = Coverage(self.feed, clock)
        self.answers = Answers(self.feed, self._coverage, endpoints, chain_id)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.feed.run(), name="feed")
            tasks.create_task(self._coverage.run(), name="coverage")
            tasks.create_task(self.checks.run(), name="checks")
            tasks.create_task(self._watch(), name="watch")

    def not_ready(self) -> str | None:
        """Why nothing is answered now, or None."""
        return self.feed.stale() or self.checks.stale()

    async def post(self, text: str | bytes) -> bytes:
        """The reply to a message of somebody who cannot be told anything later."""
        return await respond(text, self._answer) or b""

    async def hear(self, client: Client, text: str | bytes) -> None:
        """Take a client's message; the reply, and notices after it, are put in its line."""
        made: list[Subscription] = []
        reply = await respond(text, partial(self._answer_client, client, made))
        if reply is not None:
            client.put(reply.decode())
            self.clients.begin(client, made)

    async def _answer(self, method: str, params: Sequence[Any]) -> Any:
        if reason := self.not_ready():
            raise Unreachable(reason)
        if method in ("eth_subscribe", "eth_unsubscribe"):
            raise Unsupported("notifications are not supported over HTTP: use WebSocket")
        return await self.answers.answer(method, params)

    async def _answer_client(
        self, client: Client, made: list[Subscription], method: str, params: Sequence[Any]
    ) -> Any:
        if method == "eth_unsubscribe":
            return self.clients.unsubscribe(client, params)
        if method != "eth_subscribe" or self.not_ready():
            return await self._answer(method, params)
        if len(client.heads) + len(client.logs) + len(made) >= MAX_SUBSCRIPTIONS:
            raise RateLimited(f"more than {MAX_SUBSCRIPTIONS} subscriptions on one connection")
        made.append(self.clients.subscribe(params))
        return made[-1].ident

    async def _watch(self) -> None:
        """End all subscriptions whenever the relay stops being sure."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.not_ready():
                self.clients.cut_all()
