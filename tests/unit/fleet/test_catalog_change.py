"""From one catalog to the next, as laws: what is asked for is wanted, nothing bought vanishes."""

from hypothesis import given
from hypothesis import strategies as st

from linkpool.fleet.catalog.change import differences, follow, on_chain, wanted, without
from linkpool.fleet.catalog.document import Bridge, Document, Job
from linkpool.store.tables import CatalogRow
from linkpool.wire.catalog import Terms
from tests.support.job_text import JOB

ID = "0eec7e1d-d0d2-476c-a1a8-72dfb6633f46"
BRIDGES = [Bridge(name=name, urls=(f"https://{name}.example",)) for name in "abc"]
TEXTS = [
    JOB.replace(ID, f"{ID[:-1]}{number}").replace(
        "'''\ndecode", f"'''\nask [type=bridge name={'abc'[number % 3]}]\ndecode"
    )
    for number in range(4)
]
offers = st.none() | st.sampled_from(
    [Terms(payment=payment, penalty="0", base_fee_ceiling="7") for payment in ("1", "2")]
)
jobs = st.lists(st.builds(Job, st.sampled_from(TEXTS), offers), unique_by=lambda job: job.id)


def after(*changes: list[Job]) -> Document:
    now = Document()
    for coming in changes:
        now = follow(now, coming, BRIDGES)
    return now


@given(st.lists(jobs, max_size=4), jobs)
def test_exactly_what_is_asked_for_is_wanted_and_the_same_again_is_no_change(
    before: list[list[Job]], asked: list[Job]
) -> None:
    now = after(*before)
    coming = follow(now, asked, BRIDGES)
    assert list(wanted(coming).jobs.values()) == asked
    again = follow(coming, asked, BRIDGES)
    assert again.values() == coming.values()
    assert differences(coming, again) == []
    assert on_chain(coming, again) == []


@given(st.lists(jobs, max_size=4), jobs)
def test_a_job_that_could_be_bought_leaves_by_its_own_time_with_the_bridge_it_asks(
    before: list[list[Job]], asked: list[Job]
) -> None:
    now = after(*before)
    coming = follow(now, asked, BRIDGES if asked else [])
    assert set(now.jobs) <= set(coming.jobs)
    gone = [job for job in coming.jobs.values() if job.leaving]
    assert not any(job.offer for job in gone)
    assert {name for job in gone for name in job.bridge_names} <= set(coming.bridges)
    end = without(coming, [job.id for job in gone])
    assert list(end.jobs.values()) == asked
    assert not any(bridge.leaving for bridge in end.bridges.values())


@given(st.lists(jobs, max_size=4))
def test_what_is_stored_is_what_is_read(changes: list[list[Job]]) -> None:
    now = after(*changes)
    row = CatalogRow(revision=7, made_at=0.0, **now.values())
    read = Document.of(row)
    assert (read.revision, read.jobs, read.bridges) == (7, now.jobs, now.bridges)


@given(st.lists(jobs, max_size=3), jobs)
def test_differences_tell_every_job_and_price_that_changed_and_no_other(
    before: list[list[Job]], asked: list[Job]
) -> None:
    was = wanted(after(*before)).jobs
    told = differences(after(*before), follow(after(*before), asked, BRIDGES))
    will = {job.id: job for job in asked}
    assert {each.id for each in told if each.kind == "job"} == {
        job for job in {*was, *will} if (job in was) != (job in will) or was[job].text != will[job].text
    }
    prices = ({name: job.offer for name, job in side.items() if job.offer} for side in (was, will))
    old, new = prices
    assert {each.id for each in told if each.kind == "offer"} == {
        job for job in {*old, *new} if old.get(job) != new.get(job)
    }
