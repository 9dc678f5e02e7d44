"""Alerts and dashboard speak of figures that some process really shows, and every alert has its page."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from linkpool.fleet.alarms import Kind
from tests.support.pool import RealPool, real_pool

PROJECT = Path(__file__).parents[3]
RULES = PROJECT / "deploy" / "prometheus" / "rules.yml"
BOARD = PROJECT / "deploy" / "grafana" / "linkpool.json"
RUNBOOKS = PROJECT / "docs" / "runbooks"
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


async def shown(pool: RealPool) -> str:
    """Everything that the processes of a pool show."""
    urls = [pool.control.url, *(replica.health for replica in await pool.replicas() if replica.health)]
    texts = []
    for url in urls:
        async with pool.http.get(f"{url}/metrics") as reply:
            texts.append(await reply.text())
    return "\n".join(texts)


def described(text: str) -> set[str]:
    """Names of samples that the families of a text stand for, those of histograms and counters included."""
    kinds = re.findall(r"^# TYPE (\S+) (\S+)", text, re.MULTILINE)
    return {name + ending for name, _ in kinds for ending in ("", "_total", "_bucket", "_sum", "_count")}


async def test_every_figure_they_speak_of_is_shown_by_a_process(tmp_path: Path) -> None:
    async with real_pool(tmp_path) as pool:
        await pool.ask()
        await pool.settled()
        names = described(await shown(pool))
        spoken = {name for expression in expressions() for name in NAME.findall(expression)}
        assert spoken <= names, f"nobody shows {sorted(spoken - names)}"
        headers = pool.headers
        async with pool.http.get(f"{pool.control.url}/api/v1/targets", headers=headers) as reply:
            targets = await reply.json()
        tasks = {replica.task for replica in await pool.replicas()}
        assert {target["labels"]["task"] for target in targets} == tasks
        assert all(set(target["labels"]) == {"node", "task", "colour"} for target in targets)
