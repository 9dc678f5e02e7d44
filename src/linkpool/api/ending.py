"""Event streams end when the server does: whole, at once, and for their listeners to come back elsewhere.

They never end by themselves, so the server would wait for them in vain, cancel them, and log each as a crash.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Ending:
    """ASGI middleware: from `stop` on, answers that go on as long as somebody listens hear that he left."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._over = asyncio.Event()

    def stop(self) -> None:
        """End what is open."""
        self._over.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked, open_answer = False, False

        async def receiving() -> Message:
            nonlocal asked
            if asked:  # all that can still come is that the listener leaves
                return await self._left(receive)
            message = await receive()
            asked = not message.get("more_body", False)
            return message

        async def sending(message: Message) -> None:
            nonlocal open_answer
            open_answer = message["type"] == "http.response.start" or message.get("more_body", False)
            await send(message)

        await self._app(scope, receiving, sending)
        if open_answer and self._over.is_set():
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _left(self, receive: Receive) -> Message:
        leaving, over = asyncio.ensure_future(receive()), asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait({leaving, over}, return_when=asyncio.FIRST_COMPLETED)
            return leaving.result() if leaving.done() else {"type": "http.disconnect"}
        finally:
            leaving.cancel()
            over.cancel()
