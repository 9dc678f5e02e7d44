"""`linkpool logs` on ECS: what CloudWatch keeps, by the streams that tasks make, told as on one machine."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from linkpool.api.settings import Settings
from linkpool.cli.cloud_logs import cloud_tails, tails_by
from linkpool.cli.logs import NoLogs
from linkpool.engines import ecs_rights
from linkpool.engines.aws import Aws
from linkpool.engines.ecs import EcsEngine
from linkpool.engines.protocol import EngineRefused, Group, Release
from linkpool.wire.api import NodeView, ReplicaView
from tests.support.fake_ecs import PLACE, REGION, FakeEcs, run

NODE, BEFORE = "0xnode", "before"
GROUP = Group("test", "n1-blue-0", Release("r1", (), "image"), {}, "token")
BASE = """
chain_id = 1
pool = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
view = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
rpc_urls = ["ws://127.0.0.1:8545"]
state = "state"
pool_name = "test"
"""
ON_ECS = f"""{BASE}
engine = "ecs"
aws_region = "{REGION}"
ecs_cluster = "pool"
ecs_subnets = ["subnet-a"]
ecs_security_groups = ["sg-1"]
release_image = "image"
agent_port = 8701
control_urls = ["https://control:8701"]
"""


def config(folder: Path, text: str) -> Path:
    path = folder / "control.toml"
    path.write_text(text)
    return path


def node(*tasks: str) -> NodeView:
    replica = dict.fromkeys(ReplicaView.model_fields) | {
        "colour": "blue",
        "release": "r1",
        "state": "serving",
    }
    replica |= {"ready": True, "in_roster": True, "catalog": 0, "open": 0, "answered": 0}
    shown = [ReplicaView.model_validate(replica | {"task": task}) for task in tasks]
    made = {"index": 1, "state": "serving", "capacity": "0", "primary": "blue", "accepting": True}
    times = dict.fromkeys(("made_at", "changed_at"), datetime.now(UTC))
    nothing = dict.fromkeys(NodeView.model_fields)
    return NodeView.model_validate(nothing | made | times | {"id": NODE, "replicas": shown})


async def running() -> list[str]:
    """The tasks of the group, once both run."""
    async with EcsEngine(PLACE) as engine:
        await engine.ensure(replace(GROUP, count=2))
        while len(tasks := await engine.tasks()) < 2:
            await asyncio.sleep(1)
    return sorted(task.id for task in tasks)


def test_each_replica_that_runs_and_the_newest_that_ended(tmp_path: Path) -> None:
    sky = FakeEcs(page=2)
    said = [f"line {number}" for number in range(9)]

    async def look() -> tuple[list[str], Mapping[str, str]]:
        tasks = await running()
        prefix = f"{GROUP.name}/linkpool/"
        ended = {prefix + name: [name] for name in ("first", BEFORE)}
        sky.streams |= {**ended, prefix + tasks[0]: said, f"{GROUP.name}-2/linkpool/other": ["no"]}
        sky.asked.clear()
        shown = await tails_by(config(tmp_path, ON_ECS + 'ecs_log_group = "/g"'), [node(*tasks)], NODE, 5)
        return tasks, shown

    with sky.wired():
        tasks, shown = run(look())
    assert shown == {tasks[0]: "\n".join(said[-5:]), tasks[1]: "(nothing in /g yet)", BEFORE: BEFORE}
    assert sky.asked - ecs_rights.ENGINE == ecs_rights.LOGS


def test_a_stream_shorter_than_was_asked_for_is_told_whole(tmp_path: Path) -> None:
    sky = FakeEcs(page=2)

    async def look() -> tuple[str, Mapping[str, str]]:
        first, _ = await running()
        sky.streams[f"{GROUP.name}/linkpool/{first}"] = ["1", "2", "3"]
        settings = Settings.load(config(tmp_path, ON_ECS + 'ecs_log_group = "/g"'))
        return first, await cloud_tails([node(first)], NODE, settings, 20_000)

    with sky.wired():
        first, shown = run(look())
    assert shown == {first: "1\n2\n3"}


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(text: str) -> Mapping[str, str]:
        (first, *_) = await running()
        return await tails_by(config(tmp_path, text), [node(first)], NODE, 5)

    sky = FakeEcs()
    sky.refuses["logs:DescribeLogStreams"] = ("AccessDeniedException", "Access denied")
    with sky.wired():
        with pytest.raises(EngineRefused, match="allow logs:DescribeLogStreams"):
            run(look(ON_ECS + 'ecs_log_group = "/g"'))
        with pytest.raises(NoLogs, match="ecs_log_group is not set"):
            run(look(ON_ECS))
        with pytest.raises(NoLogs, match="no node 0xother"):
            run(tails_by(config(tmp_path, ON_ECS), [], "0xother", 5))
    swarm = f'{BASE}engine = "swarm"\nrelease_image = "image"\nagent_port = 1\ncontrol_urls = ["https://c"]\n'
    with pytest.raises(NoLogs, match="docker service logs"):
        run(tails_by(config(tmp_path, swarm), [], NODE, 5))
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(EngineRefused, match=r"pip install 'linkpool\[aws\]'"):
        run(Aws("logs", REGION).call("get_log_events"))
