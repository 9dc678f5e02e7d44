"""The `linkpool` command. Each command imports what it needs when it runs, so that `--help` is instant."""

import sys

from linkpool.cli.app import app
from linkpool.errors import LinkPoolError, reasons

__all__ = ["main"]


def main() -> None:
    """Run the command line; an error of ours is one clear line, not a trace."""
    failed = False
    try:
        app()
    except* LinkPoolError as group:
        failed = True
        for reason in reasons(group):
            print(f"linkpool: {reason}", file=sys.stderr)
    if failed:
        sys.exit(1)
