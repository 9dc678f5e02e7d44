"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from linkpool.cli import completion
from linkpool.cli.given import CONFIG_FILE
from linkpool.cli.where import DEFAULT_TOKEN_FILE, DEFAULT_URL

__all__ = ["DEFAULT_TOKEN_FILE", "DEFAULT_URL", "AsJson", "Config", "NodeId", "TokenFile", "Url"]

Url = Annotated[str, typer.Option(envvar="LINKPOOL_URL", help="The control plane.")]
TokenFile = Annotated[
    Path,
    typer.Option(
        envvar="LINKPOOL_API_TOKEN_FILE", help="File that holds an API token; never the token itself."
    ),
]
Config = Annotated[Path, typer.Option(envvar=CONFIG_FILE, help="The control plane's settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs.")]
NodeId = Annotated[str, typer.Argument(help="The node's id.", autocompletion=completion.nodes)]
