"""Secrets in the environment, as ECS hands them out, become files of the process."""

import json
from pathlib import Path

import pytest

from linkpool.api.settings import Settings
from linkpool.cli import main
from linkpool.cli.given import unpack
from linkpool.fleet.secrets.keys import Keyring, new_master, seal
from linkpool.fleet.secrets.sealed import open_keys
from tests.unit.cli.test_tree import TREE


def test_contents_become_files_and_leave_the_environment(tmp_path: Path) -> None:
    master = new_master()
    seal(master, "a passphrase of some length", tmp_path / "master.json", cost=2**10)
    (tmp_path / "passphrase").write_text("a passphrase of some length\n")
    sealed = (tmp_path / "master.json").read_text()
    environment = {
        "LINKPOOL_KEYS": sealed,
        "LINKPOOL_ADMIN_TOKEN": "token-of-24-characters-0",
        "PATH": "/bin",
    }
    unpack(environment)
    assert environment.keys() == {"LINKPOOL_KEYS_FILE", "LINKPOOL_ADMIN_TOKEN_FILE", "PATH"}
    assert Path(environment["LINKPOOL_ADMIN_TOKEN_FILE"]).read_text() == "token-of-24-characters-0"
    keys = Path(environment["LINKPOOL_KEYS_FILE"])
    for _ in range(2):  # a file is read as often as one likes
        assert open_keys(keys, tmp_path / "passphrase").manager() == Keyring(master).manager()
        assert json.loads(keys.read_text()) == json.loads(sealed)


ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
SETTINGS = f"""
state = "s"
chain_id = 1
pool = "{ADDRESS}"
view = "{ADDRESS}"
rpc_urls = ["https://a.example"]
"""


def test_the_settings_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"LINKPOOL_CONFIG": SETTINGS}
    unpack(environment)
    monkeypatch.setenv("LINKPOOL_CHAIN_ID", "5")
    assert Settings.load(Path(environment.pop("LINKPOOL_CONFIG_FILE"))).chain_id == 5
    assert environment == {}


def test_a_command_of_a_one_off_task_finds_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a task of the control plane's definition with another command does."""
    monkeypatch.setenv("LINKPOOL_CONFIG_FILE", "")  # so that what is set meanwhile goes again
    monkeypatch.setenv("LINKPOOL_CONFIG", SETTINGS)
    monkeypatch.setattr("sys.argv", ["linkpool", "engine", "check", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)[0]["good"] is True


@pytest.mark.parametrize("path", ["control", "engine list", "engine prune", "doctor", "backup", "restore"])
def test_what_needs_settings_takes_those_that_were_given(path: str) -> None:
    (config,) = (each for each in TREE[path].params if each.name == "config")
    assert config.envvar == "LINKPOOL_CONFIG_FILE"


def test_nothing_given_is_nothing_done() -> None:
    environment = {"LINKPOOL_PORT": "1", "LINKPOOL_KEYS": ""}
    unpack(environment)
    assert environment == {"LINKPOOL_PORT": "1"}
