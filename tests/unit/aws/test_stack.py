"""A stack while CloudFormation's answers are lost, things fail, and somebody still lives in it."""

import pytest

from linkpool.aws.changes import Plan
from linkpool.aws.stack import Stacks
from linkpool.engines.protocol import EngineRefused
from tests.support.fake_ecs import REGION, Fault, run
from tests.support.fake_formation import FakeFormation

ON_EC2 = {"Launch": "EC2", "DatabaseUrl": "", "DatabaseProtected": "false"}
WELL = "UPDATE_COMPLETE"
OURS, NODE = ["control-a", "control-b"], "linkpool-n0-blue"


async def deploy(**given: str) -> Plan:
    stacks = Stacks(REGION)
    plan = await stacks.look("linkpool", "{}", given)
    await stacks.carry_out(plan)
    return plan


async def delete() -> None:
    await Stacks(REGION).delete("linkpool")


LOST = (Fault.HALF_DONE, Fault.RESET)


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("call", range(12))
def test_a_change_is_made_once_whichever_answer_is_lost(fault: Fault, call: int) -> None:
    sky = FakeFormation(WELL, **ON_EC2)
    sky.faults = [None] * call + [fault]
    with sky.wired():
        plan = run(deploy(Launch="EC2"))
    assert [each.resource for each in plan.changes] == ["ControlA"]
    assert sky.executed == list(sky.change_sets) == [plan.name]
    assert sky.status == WELL


def test_a_change_set_that_may_not_be_executed_is_a_refusal() -> None:
    sky = FakeFormation(WELL, **ON_EC2)

    async def twice() -> None:
        stacks = Stacks(REGION)
        plan = await stacks.look("linkpool", "{}", {})
        sky.status = "UPDATE_IN_PROGRESS"  # somebody else's
        await stacks.carry_out(plan)

    with sky.wired(), pytest.raises(EngineRefused, match="another operation"):
        run(twice())


@pytest.mark.parametrize("page", [1, 3, 100])
def test_what_failed_first_is_told_not_what_followed_nor_what_failed_another_time(page: int) -> None:
    sky = FakeFormation(WELL, page, **ON_EC2)
    with sky.wired():
        sky.failures = [("Old", "long ago")]
        run(deploy())
        sky.failures = [("Database", "no such snapshot")]
        sky.failures += [(f"Other{number}", "Resource update cancelled") for number in range(7)]
        sky.ends["UPDATE"] = "UPDATE_ROLLBACK_COMPLETE"
        with pytest.raises(EngineRefused, match="UPDATE_ROLLBACK_COMPLETE: Database: no such snapshot"):
            run(deploy())


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("call", range(6))
def test_an_empty_stack_goes(fault: Fault, call: int) -> None:
    sky = FakeFormation(WELL, **ON_EC2)
    sky.services = OURS
    sky.faults = [None] * call + [fault]
    with sky.wired():
        run(delete())
    assert sky.status == "DELETE_COMPLETE"


def test_what_did_not_go_is_told() -> None:
    sky = FakeFormation(WELL, **ON_EC2)
    sky.failures, sky.ends["DELETE"] = [("Vpc", "has dependencies")], "DELETE_FAILED"
    with sky.wired(), pytest.raises(EngineRefused, match="DELETE_FAILED: Vpc: has dependencies"):
        run(delete())


def test_a_stack_stays_while_services_of_the_pool_run() -> None:
    sky = FakeFormation(WELL, **ON_EC2)
    sky.services = [*OURS, NODE]
    with sky.wired(), pytest.raises(EngineRefused, match=r"1 services still run.*linkpool-n0-blue"):
        run(delete())
    assert sky.status == WELL


def test_a_stack_stays_while_machines_are_there_which_nobody_would_let_go() -> None:
    sky = FakeFormation(WELL, **ON_EC2)
    sky.machines = 2
    with sky.wired(), pytest.raises(EngineRefused, match=r"2 machines .* quarter of an hour"):
        run(delete())
    assert sky.status == WELL


def test_a_deletion_is_repeated_when_the_cluster_went_before() -> None:
    sky = FakeFormation("DELETE_FAILED", **ON_EC2)
    sky.cluster = "INACTIVE"
    with sky.wired():
        run(delete())
    assert sky.status == "DELETE_COMPLETE"


def test_a_stack_stays_while_its_database_is_protected() -> None:
    sky = FakeFormation(WELL, **ON_EC2 | {"DatabaseProtected": "true"})
    with sky.wired(), pytest.raises(EngineRefused, match="DatabaseProtected=false"):
        run(delete())
    assert sky.status == WELL


@pytest.mark.parametrize(
    ("status", "url"), [(WELL, "postgresql://me@elsewhere/mine"), ("ROLLBACK_COMPLETE", "")]
)
def test_a_database_that_is_elsewhere_or_never_was_holds_nothing_up(status: str, url: str) -> None:
    sky = FakeFormation(status, **ON_EC2 | {"DatabaseProtected": "true", "DatabaseUrl": url})
    with sky.wired():
        run(delete())
    assert sky.status == "DELETE_COMPLETE"


@pytest.mark.parametrize("machines", [0, 3])
def test_machines_are_not_taken_from_a_pool_that_uses_them(machines: int) -> None:
    sky = FakeFormation(WELL, **ON_EC2)
    sky.machines = machines
    sky.services = OURS if machines else [*OURS, NODE]
    with sky.wired():
        with pytest.raises(EngineRefused, match="Launch must stay EC2"):
            run(deploy(Launch="FARGATE"))
        run(deploy(Launch="EC2"))
        sky.machines, sky.services = 0, OURS
        run(deploy(Launch="FARGATE"))


def test_a_pool_on_fargate_may_go_to_machines_while_it_runs() -> None:
    sky = FakeFormation(WELL, **ON_EC2 | {"Launch": "FARGATE"})
    sky.services = [*OURS, NODE]
    with sky.wired():
        run(deploy(Launch="FARGATE"))
        run(deploy(Launch="EC2"))
    assert len(sky.executed) == 2
