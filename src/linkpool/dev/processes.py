"""Child processes of `linkpool dev` that never outlive it.

A child runs in a session of its own, so that Ctrl-C reaches only us and the order of stopping stays ours;
should we die without a word, the kernel ends it (Linux).
"""

import asyncio
import ctypes
import errno
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from linkpool.errors import Permanent

STOP_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


class CannotStart(Permanent):
    """Something `linkpool dev` needs is missing or taken. The text says what to do."""


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@asynccontextmanager
async def child(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `command` while the context is open, output to `log`; SIGTERM at the end, SIGKILL 10 s later."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    try:
        yield process
    finally:
        await stop(process)


async def stop(process: asyncio.subprocess.Process) -> None:
    """End a child, gently first. Returns when it is gone."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def last_words(log: Path, lines: int = 5) -> str:
    """What a log file has to say about a failure: where it is, and how it ends."""
    text = ""
    with suppress(OSError):
        text = "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    return f"its log, {log}, ends:\n{text}" if text else f"its log, {log}, is empty"


def claim_port(port: int, what: str, option: str) -> int:
    """`port` if it is free on loopback (0: any free one). Raises CannotStart naming `option`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            trouble = "is in use: stop what uses it, or" if in_use else f"cannot be used ({error}):"
            raise CannotStart(f"port {port}, for {what}, {trouble} choose another with {option}") from error
        return int(probe.getsockname()[1])
