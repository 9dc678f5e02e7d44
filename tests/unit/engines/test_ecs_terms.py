"""The ecs engine over the terms of one control plane: what never changes is asked once."""

from pathlib import Path

import pytest

from linkpool.api.engine import engine_of_terms
from linkpool.api.settings import Settings
from linkpool.fleet.clock import SystemClock
from tests.support.ecs_group import ONE, settled
from tests.support.fake_ecs import PLACE, REGION, FakeEcs, run

SETTINGS = f"""
chain_id = 1
pool = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
view = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
rpc_urls = ["ws://127.0.0.1:8545"]
state = "state"
pool_name = "{PLACE.pool}"
engine = "ecs"
aws_region = "{REGION}"
ecs_cluster = "{PLACE.cluster}"
ecs_subnets = ["subnet-a"]
ecs_security_groups = ["sg-1"]
release_image = "image"
agent_port = 8701
control_urls = ["https://control:8701"]
"""


@pytest.mark.parametrize(("propagates", "looked_up"), [(True, 0), (False, 1)])
def test_whose_a_task_is_its_tags_tell_or_else_its_definition_once(
    tmp_path: Path, propagates: bool, looked_up: int
) -> None:
    sky = FakeEcs()
    sky.propagates = propagates
    (tmp_path / "control.toml").write_text(SETTINGS)
    settings = Settings.load(tmp_path / "control.toml")

    async def live() -> None:
        async with engine_of_terms(settings, SystemClock())() as engine:
            await engine.ensure(ONE)
            await settled(sky, engine, 2)
        following = engine_of_terms(settings, SystemClock())  # another process
        sky.calls.clear()
        for _ in range(3):
            async with following() as engine:
                assert len(await engine.tasks()) == 2

    with sky.wired():
        run(live())
    assert sky.calls.count("ecs:DescribeTaskDefinition") == looked_up
