"""What the shell offers on Tab: the pool's own nodes, tokens and jobs, asked of the control plane.

Tab must never show an error: without a control plane, or a token that may look, nothing is offered.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from linkpool.cli.where import DEFAULT_TOKEN_FILE, DEFAULT_URL
from linkpool.errors import LinkPoolError

if TYPE_CHECKING:
    from linkpool.api.client import Client

Offers = list[tuple[str, str]]
"""Words and what they are."""


def nodes(context: typer.Context, incomplete: str) -> Offers:
    """Ids of nodes."""

    async def ask(client: "Client") -> Offers:
        return [(node.id, f"{node.index}, {node.state}") for node in await client.nodes() if node.id]

    return _offers(context, incomplete, ask)


def tokens(context: typer.Context, incomplete: str) -> Offers:
    """Ids of API tokens that are good."""

    async def ask(client: "Client") -> Offers:
        from linkpool.api.client_tokens import tokens as listed

        return [
            (token.id, f"{token.name}, {token.scope}")
            for token in await listed(client)
            if token.revoked_at is None
        ]

    return _offers(context, incomplete, ask)


def jobs(context: typer.Context, incomplete: str) -> Offers:
    """Ids of all jobs."""

    async def ask(client: "Client") -> Offers:
        from linkpool.api.client_catalog import catalog

        return [(job.id, f"{job.name}, {job.state}") for job in (await catalog(client)).jobs]

    return _offers(context, incomplete, ask)


def webhook_jobs(context: typer.Context, incomplete: str) -> Offers:
    """Ids of the jobs that a call starts."""

    async def ask(client: "Client") -> Offers:
        from linkpool.api.client_catalog import catalog

        return [(job.id, job.name) for job in (await catalog(client)).jobs if job.type == "webhook"]

    return _offers(context, incomplete, ask)


def _offers(context: typer.Context, incomplete: str, ask: "Callable[[Client], Awaitable[Offers]]") -> Offers:
    from linkpool.cli.session import Session

    url = context.params.get("url") or DEFAULT_URL
    token_file = Path(context.params.get("token_file") or DEFAULT_TOKEN_FILE)
    try:
        found = Session(url, token_file).run(ask)
    except LinkPoolError:
        return []
    return [offer for offer in found if offer[0].startswith(incomplete)]
