"""What `linkpool engine check` says of AWS: good is what works."""

from dataclasses import replace

import pytest

from linkpool.engines.ecs_check import examine_ecs
from linkpool.engines.ecs_spec import Place
from linkpool.engines.protocol import Finding
from tests.support.fake_ecs import PLACE, FakeEcs, Fault, run

ON_EC2 = replace(PLACE, capacity_provider="machines")


def found(place: Place, sky: FakeEcs) -> list[Finding]:
    async def looked() -> list[Finding]:
        return [each async for each in examine_ecs(place)]

    with sky.wired():
        return run(looked())


def bad(place: Place, sky: FakeEcs) -> Finding:
    (only,) = [each for each in found(place, sky) if not each.good]
    return only


@pytest.mark.parametrize(
    ("action", "what"),
    [
        ("ecs:DescribeClusters", "engine"),
        ("ec2:DescribeSubnets", "subnets"),
        ("logs:DescribeLogGroups", "logs"),
    ],
)
def test_what_it_may_not_look_at_is_said(action: str, what: str) -> None:
    sky = FakeEcs()
    sky.refuses[action] = ("AccessDeniedException", "Access denied")
    one = bad(replace(PLACE, log_group="/x"), sky)
    assert one.what == what
    assert f"allow {action}" in one.text


def test_words_of_something_in_between_are_no_answer_and_it_is_asked_again() -> None:
    sky = FakeEcs()
    sky.faults = [None, Fault.GARBLED]  # EC2 answers in XML, ECS in JSON
    assert all(each.good for each in found(PLACE, sky))
    assert sky.calls.count("ec2:DescribeSubnets") == 2


def test_on_machines_and_on_fargate_all_is_good_where_all_is_there() -> None:
    for place, what in ((ON_EC2, "capacity"), (PLACE, "size")):
        told = found(place, FakeEcs())
        assert [each.what for each in told] == ["engine", "subnets", what]
        assert all(each.good for each in told)


def test_a_capacity_provider_of_another_cluster_is_none() -> None:
    sky = FakeEcs()
    sky.attached = ["others"]
    one = bad(ON_EC2, sky)
    assert one.what == "capacity"
    assert "not attached to cluster pool" in one.text
    assert "put-cluster-capacity-providers" in one.advice


@pytest.mark.parametrize(
    ("providers", "text"),
    [({}, "no capacity provider machines"), ({"machines": "INACTIVE"}, "machines is inactive")],
)
def test_a_capacity_provider_that_is_gone_is_none(providers: dict[str, str], text: str) -> None:
    sky = FakeEcs()
    sky.providers = providers
    assert bad(ON_EC2, sky).text == text


@pytest.mark.parametrize(
    ("cpu", "memory", "advice"),
    [
        (256, 768, "set task_memory to one of 512, 1024, 2048"),
        (512, 512, "set task_memory to one of 1024, 2048, 3072, 4096"),
        (300, 512, "set task_cpu to one of 256, 512, 1024, 2048, 4096, 8192, 16384"),
    ],
)
def test_a_size_that_fargate_does_not_have_is_said_and_machines_have_any(
    cpu: int, memory: int, advice: str
) -> None:
    one = bad(replace(PLACE, cpu=cpu, memory=memory), FakeEcs())
    assert (one.what, one.advice) == ("size", advice)
    assert all(each.good for each in found(replace(ON_EC2, cpu=cpu, memory=memory), FakeEcs()))
