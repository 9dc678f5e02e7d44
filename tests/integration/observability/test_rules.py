"""Alerts and dashboard speak of figures that some process really shows, and every alert has its page."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.main import get_command

from linkpool.cli.app import app
from linkpool.fleet.alarms import Kind
from tests.support.runbooks import RUNBOOKS, commands

PROJECT = Path(__file__).parents[3]
RULES = PROJECT / "deploy" / "prometheus" / "rules.yml"
BOARD = PROJECT / "deploy" / "grafana" / "linkpool.json"
NAME = re.compile(r"\blinkpool_[a-z_]+")


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in alerts())
    board = json.loads(BOARD.read_text())
    yield from (target["expr"] for panel in board["panels"] for target in panel["targets"])


def test_promtool_accepts_the_rules() -> None:
    promtool = shutil.which("promtool")
    assert promtool, "apt-get install prometheus"
    ended = subprocess.run([promtool, "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("alert", [rule["alert"] for rule in alerts()])
def test_every_alert_has_a_page_that_says_what_to_do(alert: str) -> None:
    page = (RUNBOOKS / f"{alert}.md").read_text()
    assert page.startswith(f"# {alert}\n")
    assert "## What to do\n\n1. " in page


def test_every_page_belongs_to_an_alert() -> None:
    pages = {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == {rule["alert"] for rule in alerts()}


@pytest.mark.parametrize("kind", list(Kind))
def test_every_alarm_of_the_pool_is_explained(kind: Kind) -> None:
    """Named in the runbook, and a row of a table on the page that it names."""
    pages = [PROJECT / "docs" / name for name in ("operating.md", "treasury.md", "scaling.md")]
    assert f"`{kind}`" in (RUNBOOKS / "PoolAlarm.md").read_text()
    assert any(f"| `{kind}` |" in page.read_text() for page in pages)


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_every_command_of_a_page_is_one_that_there_is(page: Path) -> None:
    """Its nouns, options and arguments, as the command line itself reads them."""
    for command in commands(page.read_text()):
        parsed(get_command(app), shlex.split(command.replace("FILE", __file__))[1:])


def parsed(command: Any, words: list[str]) -> None:
    """Raises for words that a command, or one below it, does not know; one that is only named needs none."""
    if hasattr(command, "commands"):
        context = command.make_context(command.name, list(words), resilient_parsing=True)
        context.resilient_parsing = False
        _, below, rest = command.resolve_command(context, words)
        parsed(below, rest)
    elif words:
        command.make_context(command.name, words)


@pytest.mark.parametrize(
    "wrong", ["stakes", "engine list --file x", "token add x --scope read", "logs --all"]
)
def test_a_command_that_there_is_not_would_be_found(wrong: str) -> None:
    refused = typer.BadParameter.__mro__[1]  # any error of usage; typer gives it no name of its own
    with pytest.raises(refused):
        parsed(get_command(app), shlex.split(wrong))
