"""Logs: secrets are masked everywhere in a line, and a disk that is full costs lines, never the process."""

import asyncio
import errno
import io
import json

import pytest
import structlog

from linkpool import log as logs


@pytest.fixture(autouse=True)
def _configuration_of_before() -> object:
    yield
    structlog.reset_defaults()


class FullDisk(io.StringIO):
    """Refuses every write while `full`."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def test_a_full_disk_costs_lines_and_nothing_else() -> None:
    disk = FullDisk()
    logs.configure(disk)
    log = structlog.get_logger()
    log.info("first")
    disk.full = True
    log.error("lost")
    log.error("lost with its trace", exc_info=ValueError("lost too"))
    disk.full = False
    log.warning("last")
    assert [json.loads(line)["event"] for line in disk.getvalue().splitlines()] == ["first", "last"]


def test_a_secret_is_masked_in_message_field_and_trace() -> None:
    secret = logs.hide("0x" + "5ec4e7" * 10)
    paper = io.StringIO()
    logs.configure(paper, node=f"node of {secret}")
    log = structlog.get_logger()
    log.error(f"key {secret[2:]} is bad", key=[secret], exc_info=ValueError(f"cannot use {secret}"))
    assert secret[2:] not in paper.getvalue()
    assert paper.getvalue().count("[secret]") >= 4


async def test_what_stands_on_every_line_stands_there_in_older_tasks_and_callbacks_too() -> None:
    out, go = io.StringIO(), asyncio.Event()
    logs.configure(out)

    async def begun_before() -> None:
        await go.wait()
        structlog.get_logger().info("state", now="draining")

    task = asyncio.create_task(begun_before())
    await asyncio.sleep(0)
    logs.configure(out, task="a", sender="0x1")
    go.set()
    await task
    line = json.loads(out.getvalue())
    assert (line["task"], line["sender"], line["now"]) == ("a", "0x1", "draining")
