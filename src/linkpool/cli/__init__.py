"""The `linkpool` command. Each command imports what it needs when it runs, so that `--help` is instant."""

import sys

from linkpool.cli.app import app
from linkpool.errors import LinkPoolError

__all__ = ["main"]


def main() -> None:
    """Run the command line; an error of ours is one clear line, not a trace."""
    try:
        app()
    except LinkPoolError as error:
        print(f"linkpool: {error}", file=sys.stderr)
        sys.exit(1)
