"""The `linkpool` command. Each command imports what it needs when it runs, so that `--help` is instant.

Exit codes: 0 it is done; 1 it is not, and the same again will not help before something is changed; 2 the
command line was wrong; 75 it is not, and trying again may help (sysexits' EX_TEMPFAIL); 130 Ctrl-C.
"""

import os
import sys

from linkpool.cli.app import app
from linkpool.cli.given import unpack
from linkpool.errors import LinkPoolError, Permanent, reasons

__all__ = ["main"]

WRONG, TRY_AGAIN = 1, 75


def main() -> None:
    """Run the command line; an error of ours, or of a file, is one clear line, not a trace."""
    code = 0
    unpack(os.environ)
    try:
        app()
    except* LinkPoolError as group:
        code = WRONG if group.subgroup(Permanent) else TRY_AGAIN
        for reason in reasons(group):
            print(f"linkpool: {reason}", file=sys.stderr)
    except* BrokenPipeError:  # `linkpool events | head`: who read has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except* OSError as group:
        code = WRONG
        for error in _flat(group):
            print(f"linkpool: {error.filename or 'this machine'}: {error.strerror or error}", file=sys.stderr)
    if code:
        sys.exit(code)


def _flat(group: BaseExceptionGroup[OSError]) -> list[OSError]:
    found: list[OSError] = []
    for error in group.exceptions:
        found += _flat(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
