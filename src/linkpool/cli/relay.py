"""`linkpool relay`: one chain feed for a whole fleet, until it is told to end."""

import os
from pathlib import Path
from typing import Annotated

import typer


def relay(
    config: Annotated[
        Path | None, typer.Option(help="Settings in TOML; LINKPOOL_RELAY_* and options outrank it.")
    ] = None,
    upstream: Annotated[
        list[str] | None,
        typer.Option(help="JSON-RPC endpoint (ws or http), the preferred first; repeat it."),
    ] = None,
    chain_id: Annotated[int | None, typer.Option(help="Checked at every upstream.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on: 8710; 0 takes a free one.")] = None,
) -> None:
    """Run a relay: replicas ask it instead of a provider, which is asked once for all of them."""
    from linkpool.relay.main import main

    said = {"upstreams": upstream or None, "chain_id": chain_id, "host": host, "port": port}
    raise typer.Exit(main(config, os.environ, said))
