"""One file and the environment: what is wrong is named, an unknown name with the nearest known one."""

from pathlib import Path

import pytest

from linkpool.api.settings import Settings, SettingsRefused

GOOD = """
state = "/tmp/pool"
chain_id = 31337
pool = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
view = "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512"
rpc_urls = ["ws://127.0.0.1:8545"]
passphrase_file = "/tmp/pass"
"""


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LINKPOOL_{name.upper()}", raising=False)


def write(tmp_path: Path, extra: str = "") -> Path:
    path = tmp_path / "pool.toml"
    path.write_text(GOOD + extra)
    return path


def test_a_file_gives_settings_with_defaults(tmp_path: Path) -> None:
    settings = Settings.load(write(tmp_path))
    assert settings.pool == "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    assert settings.port == 8700
    assert settings.database_url == "sqlite:////tmp/pool/control.db"


def test_the_environment_wins_and_splits_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKPOOL_PORT", "0")
    monkeypatch.setenv("LINKPOOL_RPC_URLS", "ws://a, http://b")
    settings = Settings.load(write(tmp_path))
    assert settings.port == 0
    assert settings.rpc_urls == ["ws://a", "http://b"]


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ("prot = 1", "prot: unknown field; did you mean port?"),
        ("port = 70000", "port: "),
        ('capacity = "lots"', "capacity: "),
        ("gas_low = 5\ngas_high = 5", "gas_high must be above gas_low"),
        ('control_urls = ["http://a:1", "http://b:1"]', "cannot share SQLite"),
        ('host = "0.0.0.0"', "set agent_port"),
        ('control_urls = ["http://10.0.0.1:8700"]', "would send keys in clear"),
        ('agent_port = 8701\ncontrol_urls = ["http://127.0.0.1:8700"]', "would send keys in clear"),
        ("not toml", "pool.toml"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, extra: str, named: str) -> None:
    with pytest.raises(SettingsRefused) as caught:
        Settings.load(write(tmp_path, extra))
    assert named in str(caught.value)


@pytest.mark.parametrize(
    "extra",
    [
        'host = "0.0.0.0"\nagent_port = 8701',
        'host = "::1"\ncontrol_urls = ["http://[::1]:8700"]',
        'agent_port = 8701\ncontrol_urls = ["https://10.0.0.1:8701"]',
        'control_urls = ["https://pool.example"]',  # somebody else's TLS in front of it
    ],
)
def test_replicas_come_over_tls_or_from_this_machine(tmp_path: Path, extra: str) -> None:
    assert Settings.load(write(tmp_path, extra)).chain_id


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pool.toml"
    path.write_text("port = 1")
    with pytest.raises(SettingsRefused, match="chain_id: Field required"):
        Settings.load(path)
    with pytest.raises(SettingsRefused, match="No such file"):
        Settings.load(tmp_path / "none.toml")
