"""Paths that can name nothing: 404 before anybody looks, as PostgreSQL cannot be asked for U+0000.

In bodies `wire.api.Asked` refuses it; every text of a query or a header has a pattern.
"""

from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from linkpool.api.problems import problem


class NoNul:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and "\0" in scope["path"]:
            await problem(HTTPStatus.NOT_FOUND, "no name has U+0000 in it")(scope, receive, send)
        else:
            await self._app(scope, receive, send)
