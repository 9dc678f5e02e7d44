"""Talking to a control plane from the command line: where it is, and the token that opens it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp

from linkpool.api.client import Client
from linkpool.errors import Permanent

T = TypeVar("T")


class NoToken(Permanent):
    """There is no token to show the control plane."""


@dataclass(frozen=True)
class Session:
    """One control plane, as options and environment name it. Without a token file: what is public."""

    url: str
    token_file: Path | None = None

    def run(self, work: Callable[[Client], Awaitable[T]]) -> T:
        """Do `work` with the control plane and return what it gives.

        Raises NoToken, ControlTrouble, Refused.
        """
        token = self._token()

        async def connected() -> T:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as http:
                return await work(Client(http, self.url.rstrip("/"), token))

        return asyncio.run(connected())

    def _token(self) -> str | None:
        if self.token_file is None:
            return None
        try:
            return self.token_file.read_text().strip()
        except OSError as error:
            raise NoToken(
                f"cannot read an API token from {self.token_file.absolute()}: {error.strerror}; "
                "name its file with --token-file or LINKPOOL_API_TOKEN_FILE"
            ) from error
