"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_URL = "http://127.0.0.1:8700"
DEFAULT_TOKEN_FILE = Path(".linkpool/control/admin.token")

Url = Annotated[str, typer.Option(envvar="LINKPOOL_URL", help="The control plane.")]
TokenFile = Annotated[
    Path,
    typer.Option(
        envvar="LINKPOOL_API_TOKEN_FILE", help="File that holds an API token; never the token itself."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
