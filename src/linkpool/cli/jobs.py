"""What `linkpool job` does with a spec and shows of a run."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from linkpool.cli.output import print_json, say
from linkpool.errors import Permanent
from linkpool.jobs import jsontext
from linkpool.jobs.draw import draw
from linkpool.jobs.errors import BadValue, JobError
from linkpool.jobs.excerpt import excerpt
from linkpool.jobs.net import open_http
from linkpool.jobs.once import parameters, run_once
from linkpool.jobs.run import RunResult, TaskRecord
from linkpool.jobs.spec import JobSpec, parse_job
from linkpool.jobs.values import Value


class BadBody(Permanent):
    """A file that should hold a run's body holds no JSON."""


SHOWN = 100
"""Characters of a value in a table."""


def check_file(file: Path, *, as_json: bool) -> int:
    """Print the graph and the notes, or the place of the first mistake; 1 for a mistake."""
    text = file.read_text()
    try:
        job = parse_job(text)
    except JobError as error:
        say(excerpt(str(file), text, error), as_json=as_json, file=str(file), good=False, error=str(error))
        return 1
    if as_json:
        shown = {"name": job.name, "type": job.type, "id": str(job.external_job_id)}
        print_json({"file": str(file), "good": True, **shown, "notes": [str(note) for note in job.notes]})
        return 0
    print(f"{job.name or file.name}: {job.type}, {job.external_job_id}\n\n{draw(job.graph)}")
    for note in job.notes:
        print(f"\n{excerpt(str(file), text, note)}")
    return 0


def read_body(file: Path | None) -> object:
    """The JSON in a file; an empty object without one. Raises BadBody."""
    if file is None:
        return {}
    try:
        return json.loads(file.read_text())
    except ValueError as error:
        raise BadBody(f"{file} is no JSON: {error}") from error


def run_file(file: Path, pairs: Sequence[str], seconds: float, *, as_json: bool) -> int:
    """Run it once and print each task; 1 when the run failed. Raises JobError, BadValue."""
    result = asyncio.run(_run(parse_job(file.read_text()), pairs, seconds))
    if as_json:
        print(json.dumps({"tasks": [_values(record) for record in result.records], "error": _error(result)}))
    else:
        _print(result)
    return 1 if result.error else 0


async def _run(job: JobSpec, pairs: Sequence[str], seconds: float) -> RunResult:
    async with open_http() as http:
        asked = {**(job.probe or {}), **parameters(pairs)}
        return await run_once(job, asked, http, seconds=seconds)


def _print(result: RunResult) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for record in result.records:
        if not record.attempts:
            console.print(f"[dim]○ {record.name}  {record.type}: not run[/dim]")
            continue
        tries = f", {record.attempts} attempts" if record.attempts > 1 else ""
        console.print(f"● [bold]{record.name}[/bold]  {record.type}  {record.seconds * 1000:.1f} ms{tries}")
        for value in record.inputs:
            console.print(f"    in   {_text(value)}", markup=False)
        if record.error:
            console.print(f"    failed: {record.error.reason}", style="red", markup=False)
        else:
            console.print(f"    out  {_text(record.output)}", markup=False)
    console.print(
        f"failed: {_error(result)}" if result.error else f"result: {_text(result.value)}", markup=False
    )


def _values(record: TaskRecord) -> dict[str, object]:
    return {
        "name": record.name,
        "type": record.type,
        "inputs": [_text(value, None) for value in record.inputs],
        "output": None if record.error else _text(record.output, None),
        "error": record.error.reason if record.error else None,
        "seconds": record.seconds,
        "attempts": record.attempts,
    }


def _text(value: Value, limit: int | None = SHOWN) -> str:
    if isinstance(value, bytes):
        text = "0x" + value.hex()
    else:
        try:
            text = value if isinstance(value, str) else jsontext.write(value)
        except BadValue:
            text = str(value)
    return text if limit is None or len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def _error(result: RunResult) -> str | None:
    return str(result.error) if result.error else None
