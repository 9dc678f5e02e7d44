"""A folder as a catalog: read with every mistake told by file and line, written and read back the same."""

from pathlib import Path

import pytest

from linkpool.cli.amounts import juels, wei
from linkpool.cli.catalog_folder import BadFolder, read, write
from linkpool.jobs.errors import BadValue
from linkpool.wire.catalog import AdapterView, BridgeView, CatalogView, JobView, Terms
from tests.support.job_text import JOB

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "price.toml").write_text(JOB)
    return tmp_path


def test_the_worked_example_is_a_job_with_a_price_and_an_adapter() -> None:
    found = read(EXAMPLES / "catalog")
    (job,) = found.jobs
    assert job.offer == Terms(payment=str(10**17), penalty=str(5 * 10**17), base_fee_ceiling=str(200 * 10**9))
    program = found.bridges["exchange"].program
    assert program is not None
    assert program.command == ["python3", "examples/adapters/exchange.py"]
    assert program.settings == {"RATES": "EUR=1.09,GBP=1.27"}
    assert program.sample == '{"data": {"from": "EUR", "to": "USD"}}'


def test_a_secret_is_read_from_the_file_it_names(folder: Path) -> None:
    (folder / "key").write_text("very secret\n")
    (folder / "bridges.toml").write_text(
        'a.urls = ["https://x.example"]\na.token_file = "key"\n'
        '[b]\ncommand = ["x"]\nsecrets = { API_KEY = "key" }\n'
    )
    bridges = read(folder).bridges
    token, program = bridges["a"].token, bridges["b"].program
    assert token is not None
    assert program is not None
    assert token.get_secret_value() == program.secrets["API_KEY"].get_secret_value() == "very secret"
    assert "very secret" not in repr(bridges)


URLS = '[a]\nurls = ["http://x"]\n'
BAD_JOB = JOB.replace("ethabidecodelog", "teleport")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("jobs/price.toml", BAD_JOB, r"price\.toml:7:14: unknown task type"),
        ("jobs/price.toml", "type = = 1", r"price\.toml:1:8: not TOML"),
        ("offers.toml", "# prices\n[dear]\n", r"offers\.toml:2: \[dear\]: there is no jobs/dear\.toml"),
        ("offers.toml", '[price]\npayment = "1"\n', r'offers\.toml:2: .*"1" is no amount; write it with'),
        ("offers.toml", '[price]\npayment = "1 LINK"\n', r"offers\.toml:1: .*base_fee_ceiling is missing"),
        ("offers.toml", '[price]\ntip = "1 LINK"\n', r"offers\.toml:2: .*tip is unknown; an offer has"),
        ("offers.toml", "price = 1\n", r"offers\.toml:1: .*write a table, \[price\]"),
        ("bridges.toml", "[a]\n\n[b\n", r"bridges\.toml:3: not TOML"),
        ("bridges.toml", "[a]\n", r"bridges\.toml:1: \[a\]: .*one of both"),
        ("bridges.toml", '[a]\nurls = ["ftp://x"]\n', r"bridges\.toml:2: \[a\]: urls: String should match"),
        ("bridges.toml", '[a]\ncommand = ["a\\u0000"]\n', r"bridges\.toml:2: .*command: .*U\+0000"),
        ("bridges.toml", f"{URLS}retry = 3\n", r"bridges\.toml:3: .*retry: unknown field"),
        ("bridges.toml", f'{URLS}token_file = "no"\n', r"bridges\.toml:3: .*cannot read no: No"),
        ("bridges.toml", f"{URLS}timeout = 999\n", r"bridges\.toml:3: .*timeout: .*less than"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_what_to_do(
    folder: Path, file: str, text: str, said: str
) -> None:
    (folder / file).write_text(text)
    with pytest.raises(BadFolder, match=said):
        read(folder)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadFolder, match="there is no such folder"):
        read(tmp_path / "nowhere")


def test_what_is_written_is_read_back_the_same_but_for_secrets(tmp_path: Path) -> None:
    offer = Terms(payment="1", penalty="0", base_fee_ceiling="7")
    job = {"type": "directrequest", "state": "open", "detail": "", "leaves_at": None}
    program = AdapterView(
        command=['a "quoted" word', "--x"],
        image=None,
        settings={"RATES": "EUR=1"},
        secrets=["API_KEY"],
        sample='{"a": 1}',
        release="r",
        state="serving",
        detail="",
        tasks=[],
    )
    bridge = {
        "has_token": False,
        "has_incoming_token": True,
        "timeout": 5.0,
        "concurrency": 3,
        "leaving": False,
    }
    other = JOB.replace("6633f46", "6633f47")
    seen = CatalogView(
        revision=1,
        acknowledged=1,
        jobs=[
            JobView(id="1", name="Price: ÉTH/USD", text=JOB, offer=offer, leaving=False, **job),
            JobView(id="2", name="price", text=other, offer=None, leaving=False, **job),
            JobView(id="3", name="gone", text=JOB, offer=None, leaving=True, **job),
        ],
        bridges=[
            BridgeView(name="a", urls=["http://x/?y=%C3%BC"], program=None, **bridge),
            BridgeView(name="b", urls=["http://127.0.0.1:1/"], program=program, **bridge),
        ],
    )
    write(seen, tmp_path / "out")
    found = read(tmp_path / "out")
    assert {(job.text, job.offer) for job in found.jobs} == {(JOB, offer), (other, None)}
    ran = found.bridges["b"].program
    assert ran is not None
    assert (ran.command, ran.settings, ran.sample) == (program.command, program.settings, program.sample)
    assert found.bridges["b"].keep_secrets
    assert (found.bridges["a"].timeout, found.bridges["a"].concurrency) == (5.0, 3)
    with pytest.raises(BadFolder, match="not empty"):
        write(seen, tmp_path / "out")


def test_amounts_need_a_unit_and_are_exact() -> None:
    assert (juels("0.1 LINK"), juels("7 juels")) == (10**17, 7)
    assert (wei("50 gwei"), wei("0.5 gwei")) == (50 * 10**9, 5 * 10**8)
    for text in ("1", "1 ETH", "0.5 juels", "-1 LINK", "x LINK", "NaN LINK", "Infinity LINK"):
        with pytest.raises(BadValue):
            juels(text)
