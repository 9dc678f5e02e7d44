"""Whoever changes something through this API wakes the leader's loops, if they are in this process."""

from starlette.types import ASGIApp, Receive, Scope, Send

from linkpool.fleet.knock import Knock

_LOOKS = {"GET", "HEAD", "OPTIONS"}


class Knocking:
    """Middleware: a knock after every call that may have written."""

    def __init__(self, app: ASGIApp, *, knock: Knock) -> None:
        self._app = app
        self._knock = knock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, then knock."""
        await self._app(scope, receive, send)
        if scope["type"] == "http" and scope["method"] not in _LOOKS:
            self._knock.set()
