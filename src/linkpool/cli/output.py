"""What commands print: the API's own JSON with `--json`, else tables and lines for people."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


def print_json(value: BaseModel | Sequence[BaseModel | Mapping[str, Any]] | Mapping[str, Any]) -> None:
    """One JSON document on one line. A model is shown as the API showed it."""
    print(json.dumps(_plain(value)), flush=True)


def say(text: str, *, as_json: bool, **values: Any) -> None:
    """That something was done: `text` for people, `values` for programs."""
    if as_json:
        print_json(values)
    else:
        print(text)


def table(*columns: str, title: str | None = None) -> Table:
    """An empty table in the house's looks."""
    return Table(*columns, title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, padding=0)


def facts(pairs: Mapping[str, object]) -> Table:
    """A name and its value a line; what is none is a dash."""
    made = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in pairs.items():
        made.add_row(name, "–" if value is None else str(value))
    return made


def show(*parts: Table) -> None:
    """Print tables."""
    console = Console()
    for part in parts:
        console.print(part)


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return value
