"""Secrets in the environment, as ECS hands them out, become files of the process."""

import json
from pathlib import Path

import pytest

from linkpool.api.settings import Settings
from linkpool.cli.given import unpack
from linkpool.fleet.secrets.keys import Keyring, new_master, seal
from linkpool.fleet.secrets.sealed import open_keys


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
    assert unpack(environment) is None
    assert environment.keys() == {"LINKPOOL_KEYS_FILE", "LINKPOOL_ADMIN_TOKEN_FILE", "PATH"}
    assert Path(environment["LINKPOOL_ADMIN_TOKEN_FILE"]).read_text() == "token-of-24-characters-0"
    keys = Path(environment["LINKPOOL_KEYS_FILE"])
    for _ in range(2):  # a file is read as often as one likes
        assert open_keys(keys, tmp_path / "passphrase").manager() == Keyring(master).manager()
        assert json.loads(keys.read_text()) == json.loads(sealed)


def test_the_settings_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    text = f'state = "s"\nchain_id = 1\npool = "{address}"\nview = "{address}"\nrpc_urls = ["https://a.example"]\n'
    environment = {"LINKPOOL_CONFIG": text}
    given = unpack(environment)
    assert given is not None
    monkeypatch.setenv("LINKPOOL_CHAIN_ID", "5")
    assert Settings.load(Path(given)).chain_id == 5
    assert environment == {}


def test_nothing_given_is_nothing_done() -> None:
    environment = {"LINKPOOL_PORT": "1", "LINKPOOL_KEYS": ""}
    assert unpack(environment) is None
    assert environment == {"LINKPOOL_PORT": "1"}
