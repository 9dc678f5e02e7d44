"""A job's text: what it says, and every way it can be wrong, at its line and column."""

import contextlib
import time
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.jobs.errors import JobError
from linkpool.jobs.spec import parse_job
from tests.support.jobs import JOB_ID

CHECKSUMMED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"

FULL = f"""
type                = "directrequest"
schemaVersion       = 1
name                = "a name"
externalJobID       = "{JOB_ID}"
maxTaskDuration     = "1m30s"
gasLimit            = 450000
forwardingAllowed   = false
evmChainID          = "137"
contractAddress     = "{CHECKSUMMED}"
requesters          = ["{CHECKSUMMED.lower()}"]
minContractPaymentLinkJuels = "100000000000000000"
minIncomingConfirmations    = 3
observationSource   = '''
    a [type=memo value=1]
'''

[probe]
path                = ["a", "b"]
times               = 100
"""


def test_everything_is_read() -> None:
    job = parse_job(FULL)
    assert (job.type, job.name) == ("directrequest", "a name")
    assert job.external_job_id == uuid.UUID(JOB_ID)
    assert (job.max_task_duration, job.gas_limit, job.evm_chain_id) == (90.0, 450_000, 137)
    assert job.contract_address == CHECKSUMMED
    assert job.requesters == {CHECKSUMMED}
    assert (job.min_payment, job.min_confirmations) == (10**17, 3)
    assert list(job.graph.tasks) == ["a"]
    assert job.probe == {"path": ["a", "b"], "times": 100}
    assert job.notes == ()


def test_both_encodings_of_the_id() -> None:
    text, raw = parse_job(FULL).spec_ids
    assert text == b"0eec7e1dd0d2476ca1a872dfb6633f46"
    assert raw == bytes.fromhex("0eec7e1dd0d2476ca1a872dfb6633f46") + bytes(16)
    assert len(text) == len(raw) == 32


MINIMAL = 'type = "{}"\nschemaVersion = 1\n{}observationSource = """a [type=memo value=1]"""\n'


def test_what_may_be_left_out() -> None:
    job = parse_job(MINIMAL.format("directrequest", ""))
    assert (job.contract_address, job.min_payment, job.gas_limit, job.min_confirmations) == (
        None,
        None,
        None,
        0,
    )
    assert job.external_job_id == parse_job(MINIMAL.format("directrequest", "")).external_job_id
    assert "externalJobID" in job.notes[0].reason
    assert parse_job(MINIMAL.format("webhook", "")).notes == ()


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "reason"),
    [
        ('"directrequest"', '"fluxmonitor"', 2, 1, "do not run here"),
        ('type                = "directrequest"', "", 1, 1, "no type"),
        ('type                = "directrequest"', "type = 5", 2, 1, "not a text"),
        ("schemaVersion       = 1", "schemaVersion = 2", 3, 1, "schemaVersion = 1"),
        (JOB_ID, "0eec7e1d", 5, 1, "not a UUID"),
        ("1m30s", "90", 6, 1, "duration"),
        ("450000", "-1", 7, 1, "negative"),
        ("450000", "4.5", 7, 1, "whole number"),
        ('"137"', '"polygon"', 9, 1, "decimal number"),
        (CHECKSUMMED, CHECKSUMMED.replace("aA", "AA"), 10, 1, "checksum"),
        (CHECKSUMMED, "0x12", 10, 1, "not an address"),
        (f'["{CHECKSUMMED.lower()}"]', '"0x1"', 11, 1, "list of addresses"),
        ('"100000000000000000"', '"0.1 LINK"', 12, 1, "decimal number"),
        ("= 3", "= three", 13, 31, "not TOML"),
        ("= 3", "= -1", 13, 1, "negative"),
        ("type=memo", "type=mem", 15, 13, "unknown task type"),
        ("type=memo value=1]", "type=memo value=1", 16, 1, "end of the graph"),
        ("observationSource", "observation", 1, 1, "no observationSource"),
        ("times               = 100", "times = 1.5", 18, 1, "write it as a text"),
        ("[probe]", "probe = 1\n[rest]", 18, 1, "a table is needed"),
        ("'''\n    a", "'''\n\n  b [type=memo value=<x]\n    a", 16, 22, "no partner"),
    ],
)
def test_complaints_point_at_the_place(old: str, new: str, line: int, column: int, reason: str) -> None:
    text = FULL.replace(old, new, 1)
    with pytest.raises(JobError, match=reason) as caught:
        parse_job(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value).startswith(f"line {line}, column {column}: ")


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ('"""\n  a [type=nope]"""', 4, 11),
        ('"""a [type=nope]"""', 3, 32),
        ('"a [type=nope]"', 3, 30),
        ("'a [type=nope]'", 3, 30),
        ("'''a [type=nope]'''", 3, 32),
        ('"""\n a [type=memo value="\\\\"\\\\""]\n  b [type=nope]"""', 5, 11),
        ('"""\n a [type=memo value=1 x=\\"y\\"] b [type=nope]"""', 4, 40),
        ('"""a [type=memo value=1] \\\n\n     b [type=nope]"""', 5, 14),
        ('"""\\u0061 [type=nope]"""', 3, 37),
    ],
)
def test_places_survive_tomls_escapes(source: str, line: int, column: int) -> None:
    text = f'type = "webhook"\nschemaVersion = 1\nobservationSource = {source}\n'
    with pytest.raises(JobError, match="nope") as caught:
        parse_job(text)
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("type = ", 1),
        ('type = "x"\ntype = "y"', 2),
        ('a = """', 1),
        ("[" * 5000, 1),
        ("a = " + "[" * 5000, 1),
        ("x" * 200_000, 1),
        ('type = "webhook"\nb = 1e9999999', 1),
        ("a = " + "9" * 5000, 1),
        ("a." * 60_000 + "b = 1", 1),
        ('type = "webhook"\n' + '"a".' * 30_000 + "b = 1", 2),
        ("\x00", 1),
        ("", 1),
    ],
)
def test_what_is_not_toml(text: str, line: int) -> None:
    start = time.process_time()
    with pytest.raises(JobError) as caught:
        parse_job(text)
    assert caught.value.line == line
    assert time.process_time() - start < 2


def test_what_has_no_effect_is_noted() -> None:
    extra = 'schedule = "@every 1h"\nforwardingAllowed = true\nnonsense = 1\nexternalInitiators = []\n'
    notes = parse_job(MINIMAL.format("webhook", extra)).notes
    assert [(note.line, note.reason.split()[0]) for note in notes] == [
        (3, "schedule"),
        (4, "there"),
        (5, "nonsense"),
        (6, "who"),
    ]


def test_notes_of_the_graph_have_their_place_in_the_file() -> None:
    text = MINIMAL.format("webhook", "").replace("value=1", "value=1\n  vlaue=2 value=3")
    notes = parse_job(text).notes
    assert [(note.line, note.column, note.reason[:20]) for note in notes] == [
        (4, 3, "memo has no paramete"),
        (4, 11, "value is given twice"),
    ]


def test_a_field_named_inside_the_graph_is_not_taken_for_the_field() -> None:
    graph = "'''\n/*\ngasLimit = 5 */\na [type=memo value=1]\n'''"
    text = f'type = "webhook"\nschemaVersion = 1\nobservationSource = {graph}\ngasLimit = -1\n'
    with pytest.raises(JobError, match="negative") as caught:
        parse_job(text)
    assert caught.value.line == text.count("\n")


SENDING = '"""t [type=ethtx to="0x1111111111111111111111111111111111111111" data="0x01"]"""'


@pytest.mark.parametrize("kind", ["cron", "webhook"])
def test_what_may_run_twice_must_say_that_it_may_send_twice(kind: str) -> None:
    text = f'type = "{kind}"\nschemaVersion = 1\nschedule = "@every 1h"\nobservationSource = {SENDING}\n'
    with pytest.raises(JobError, match="idempotent = true"):
        parse_job(text)
    assert parse_job(text + "idempotent = true\n").idempotent


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        ("", "needs a schedule"),
        ('schedule = "* * * * *"', "six fields"),
        ('schedule = "CRON_TZ=Mars/Base 0 0 * * * *"', "time zone"),
        ('schedule = "0 0 0 31 2 *"', "Bad day"),
        ('schedule = "@every 1"', "duration"),
        ("schedule = 5", "not a text"),
    ],
)
def test_bad_schedules(schedule: str, reason: str) -> None:
    with pytest.raises(JobError, match=reason):
        parse_job(MINIMAL.format("cron", schedule + "\n"))


def test_a_job_as_people_write_them() -> None:
    """Arrows before tasks, commas and semicolons anywhere, foreign attributes, capitals, `0s` for none."""
    job = parse_job('''
        type = "directrequest"
        schemaVersion = 1
        externalJobID = "0EEC7E1D-D0D2-476C-A1A8-72DFB6633F90"
        contractAddress = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
        maxTaskDuration = "0s"
        minContractPaymentLinkJuels = 50000000000000000
        evmChainID = "0"
        observationSource = """
            decode -> usd->usd_parse -> usd_multiply;
            decode       [type="cborparse" data="$(jobRun.logData)"]
            usd          [type=HTTP method=GET url="$(decode.urlUSD)" allowunrestrictednetworkaccess="true"];
            usd_parse    [type=jsonparse path=""]
            usd_multiply [type=multiply value="$(usd_parse.deep)", times="100"]
            ask [type=bridge name= "x" method=GET
                 requestData="{\\\\"id\\\\": $(jobSpec.externalJobID), \\\\"data\\\\":$(decode.data)}"]
        """
    ''')
    assert job.max_task_duration is None
    assert (job.min_payment, job.evm_chain_id) == (5 * 10**16, 0)
    assert job.graph.tasks["usd_multiply"].inputs == ("usd_parse",)
    assert [note.reason.split(";")[0] for note in job.notes] == [
        "multiply has no parameter value",
        "bridge has no parameter method",
    ]


_fields: dict[str, Any] = {
    "type": st.sampled_from(['"directrequest"', '"cron"', '"webhook"', "1"]),
    "schemaVersion": st.sampled_from(["1", "2", "true"]),
    "schedule": st.sampled_from(['"@every 1h"', '"0 * * * * *"', '"x"', "[]"]),
    "externalJobID": st.sampled_from([f'"{JOB_ID}"', '"z"', "{}"]),
    "gasLimit": st.sampled_from(["1", "-1", '"x"', "1.5", "inf", "nan", "2020-01-01"]),
    "requesters": st.sampled_from(["[]", "[1]", '["0x"]', "{a = 1}"]),
    "observationSource": st.text(alphabet='a [type=memo vl1]"<>->', max_size=30).map(lambda s: f"'''{s}'''"),
}


@given(st.fixed_dictionaries({}, optional=_fields), st.text(max_size=10))
def test_no_text_crashes_the_reader(fields: dict[str, str], tail: str) -> None:
    with contextlib.suppress(JobError):
        parse_job("\n".join(f"{name} = {value}" for name, value in fields.items()) + tail)
