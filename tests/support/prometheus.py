"""Debian's Prometheus over a pool, with the rules and the configuration that LinkPool ships.

Only its pace is another: it looks every second, and what must last a minute before it is an alert need last
no longer than two looks here.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from linkpool.dev.processes import child
from tests.support.command import linkpool
from tests.support.pool import RealPool
from tests.support.ports import free_port
from tests.support.until import until

SHIPPED = Path(__file__).parents[2] / "deploy" / "prometheus"
LOOK, LAST = "1s", "2s"


class Prometheus:
    """One that runs, asked through its API."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url

    async def healthy_targets(self) -> list[dict[str, str]]:
        """Labels of all that it reads now."""
        active = (await self._ask("targets"))["activeTargets"]
        return [target["labels"] for target in active if target["health"] == "up"]

    async def firing(self, alert: str) -> list[dict[str, Any]]:
        """The alerts of that name that fire."""
        alerts = (await self._ask("alerts"))["alerts"]
        return [each for each in alerts if each["labels"]["alertname"] == alert and each["state"] == "firing"]

    async def ready(self) -> bool:
        """It answers."""
        try:
            async with self._http.get(f"{self._url}/-/ready") as reply:
                return reply.status == 200
        except aiohttp.ClientError:
            return False

    async def _ask(self, what: str) -> Any:
        async with self._http.get(f"{self._url}/api/v1/{what}") as reply:
            return (await reply.json())["data"]


@asynccontextmanager
async def prometheus(pool: RealPool, folder: Path) -> AsyncIterator[Prometheus]:
    """Start it as docs/runbooks/README.md says."""
    program = shutil.which("prometheus")
    assert program, "apt-get install prometheus"
    folder.mkdir()
    await linkpool(pool, "token", "add", "prometheus", "--scope", "read", "--out", folder / "read.token")
    _write(pool.control.url.removeprefix("http://"), folder)
    port = free_port()
    config, data = folder / "prometheus.yml", folder / "data"
    command = [program, f"--config.file={config}", f"--storage.tsdb.path={data}"]
    command += [f"--web.listen-address=127.0.0.1:{port}"]
    log = folder / "prometheus.log"
    async with child(command, log):
        made = Prometheus(pool.http, f"http://127.0.0.1:{port}")
        await until(made.ready, f"Prometheus answers; see {log}")
        yield made


def _write(control: str, folder: Path) -> None:
    config = yaml.safe_load((SHIPPED / "prometheus.yml").read_text().replace("127.0.0.1:8700", control))
    config["global"] = {"scrape_interval": LOOK, "evaluation_interval": LOOK}
    for job in config["scrape_configs"]:
        for found in job.get("http_sd_configs", ()):
            found["refresh_interval"] = LOOK
    rules = yaml.safe_load((SHIPPED / "rules.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = LAST
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    (folder / "rules.yml").write_text(yaml.safe_dump(rules))
