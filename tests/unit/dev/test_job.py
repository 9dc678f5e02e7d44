"""The demo job is one that replicas accept, under the id that the demo requester asks for."""

from linkpool.dev.job import SPEC_ID, demo_job, demo_parameters
from linkpool.jobs import cbor
from linkpool.jobs.spec import parse_job
from linkpool.units import link


def test_the_job_is_the_usual_eight_tasks_on_the_given_source() -> None:
    job = parse_job(demo_job("http://127.0.0.1:4711"))
    assert SPEC_ID in job.spec_ids
    assert job.min_payment == link("0.1")
    assert [task.type.name for task in job.graph.tasks.values()] == [
        "ethabidecodelog",
        "cborparse",
        "http",
        "jsonparse",
        "multiply",
        "ethabiencode",
        "ethabiencode",
        "ethtx",
    ]
    assert "http://127.0.0.1:4711/price" in demo_job("http://127.0.0.1:4711")
    assert job.notes == ()


def test_the_requester_asks_for_what_the_job_reads() -> None:
    assert cbor.read_diet(demo_parameters()) == {"path": "data,price", "times": 100_000}
