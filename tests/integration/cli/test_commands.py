"""The `linkpool` command as people run it: what it prints and returns, and what it says when it cannot."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from linkpool.chain.keys import Key
from tests.support.anvil import Anvil, anvil

EXAMPLES = Path(__file__).parents[3] / "examples" / "jobs"
OWNER = "0x00000000000000000000000000000000000000AA"
DEPLOYER = "0x" + "11" * 32


def linkpool(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "linkpool", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=cwd)


@pytest.mark.parametrize("spec", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_job_is_drawn(spec: Path) -> None:
    done = linkpool("job", "check", spec)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "●" in done.stdout


def test_a_wrong_job_is_pointed_at(tmp_path: Path) -> None:
    spec = tmp_path / "wrong.toml"
    spec.write_text(
        (EXAMPLES / "single-word.toml").read_text().replace('type="cborparse"', 'type="cborparze"')
    )
    done = linkpool("job", "check", spec)
    assert done.returncode == 1
    assert f"{spec}:" in done.stdout
    assert "unknown task type 'cborparze'" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_job_that_is_not_toml_is_pointed_at(tmp_path: Path) -> None:
    spec = tmp_path / "wrong.toml"
    spec.write_text("type = [")
    done = linkpool("job", "check", spec)
    assert done.returncode == 1
    assert f"{spec}:1" in done.stdout


def test_a_job_runs_once_without_a_chain_and_shows_each_task() -> None:
    done = linkpool("job", "run", EXAMPLES / "cron.toml", "--seconds", "1", "--json")
    tasks = {task["name"]: task for task in json.loads(done.stdout)["tasks"]}
    assert all(task["error"] or task["attempts"] for task in tasks.values())
    assert done.returncode == (1 if json.loads(done.stdout)["error"] else 0)


PROBED = """
type = "directrequest"
schemaVersion = 1
externalJobID = "0eec7e1d-d0d2-476c-a1a8-72dfb6633f46"
observationSource = '''
    log [type=ethabidecodelog
         abi="OracleRequest(bytes32 indexed specId, address requester, bytes32 requestId, uint256 payment, \
address callbackAddr, bytes4 callbackFunctionId, uint256 cancelExpiration, uint256 dataVersion, bytes data)"
         data="$(jobRun.logData)" topics="$(jobRun.logTopics)"]
    asked [type=cborparse data="$(log.data)"]
    made [type=multiply input="$(asked.value)" times="$(asked.times)"]
    log -> asked -> made
'''

[probe]
value = 14
times = 3
"""


def test_a_job_run_asks_what_its_probe_says_unless_told_otherwise(tmp_path: Path) -> None:
    spec = tmp_path / "probed.toml"
    spec.write_text(PROBED)
    for more, wanted in (((), "42"), (("--request", "times=5"), "70")):
        done = linkpool("job", "run", spec, *more, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["tasks"][-1]["output"] == wanted


def test_without_a_token_it_says_where_one_is_looked_for(tmp_path: Path) -> None:
    done = linkpool("node", "list", cwd=tmp_path)
    assert done.returncode == 1
    assert "admin.token" in done.stderr
    assert "--token-file" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_control_plane_that_is_not_there_is_named(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("x")
    done = linkpool("node", "list", "--url", "http://127.0.0.1:9", "--token-file", token)
    assert done.returncode == 75
    assert "control plane does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_is_instant_because_nothing_heavy_is_imported() -> None:
    heavy = {"aiohttp", "fastapi", "sqlalchemy", "pydantic", "coincurve", "rich.table"}
    program = f"import sys, linkpool.cli; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_file_that_cannot_be_written_is_one_line_and_no_trace(tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("a long passphrase\n")
    nowhere = tmp_path / "none" / "master.json"
    done = linkpool("keys", "init", "--passphrase-file", passphrase, "--file", nowhere)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"linkpool: {nowhere.parent}")
    assert "No such file or directory" in done.stderr
    assert linkpool("node", "nothing").returncode == 2


@pytest.fixture(scope="module")
def chain():
    with anvil(block_time=1) as running:
        running.rpc("anvil_setBalance", Key(DEPLOYER).address, hex(10**20))
        yield running


def deploy(chain: Anvil, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    key = folder / "deployer.key"
    key.write_text(DEPLOYER)
    roles = [
        item for role in ("owner", "manager", "guardian", "fee-account") for item in (f"--{role}", OWNER)
    ]
    where = [
        "--rpc-url",
        f"{chain.http}/?key=secret-key",
        "--key-file",
        key,
        "--file",
        folder / "deployment.json",
    ]
    where += ["--config", folder / "control.toml", "--state", folder / "state"]
    return linkpool("pool", "deploy", *where, "--chain-id", "31337", *roles, *more)


def test_a_pool_is_planned_deployed_deployed_again_and_read_back(chain: Anvil, tmp_path: Path) -> None:
    dry = deploy(chain, tmp_path)
    assert dry.returncode == 0, dry.stderr
    assert "Nothing was sent" in dry.stdout
    assert not (tmp_path / "deployment.json").exists()
    sent = deploy(chain, tmp_path, "--send")
    assert sent.returncode == 0, sent.stderr
    again = deploy(chain, tmp_path, "--send")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[-1] == sent.stdout.splitlines()[-1]
    show = linkpool("pool", "show", "--rpc-url", chain.http, "--file", tmp_path / "deployment.json", "--json")
    assert show.returncode == 0, show.stderr
    summary = json.loads(show.stdout)["summary"]
    assert (summary["owner"], summary["fee_bps"], summary["max_nodes"]) == (OWNER, 1_000, 110)
    config = tmp_path / "control.toml"
    assert config.stat().st_mode & 0o777 == 0o600
    checked = linkpool("config", "check", "--config", config)
    assert checked.returncode == 0, checked.stderr
    written = tomllib.loads(config.read_text())
    planned = json.loads((tmp_path / "deployment.json").read_text())
    assert (written["pool_block"], written["view"]) == (planned["block"], planned["view"])
    assert "secret-key" not in linkpool("config", "show", "--config", config, "--json").stdout
    assert DEPLOYER[2:] not in dry.stdout + sent.stdout + sent.stderr + show.stdout


def test_the_wrong_chain_and_a_link_that_is_none_are_refused(chain: Anvil, tmp_path: Path) -> None:
    other = deploy(chain, tmp_path, "--chain-id", "5")
    assert other.returncode == 1
    assert "chain 31337" in other.stderr
    no_link = deploy(chain, tmp_path, "--link-token", OWNER)
    assert no_link.returncode == 1
    assert "transferAndCall" in no_link.stderr
    assert "Traceback" not in other.stderr + no_link.stderr
