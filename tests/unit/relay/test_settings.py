"""What a relay is told, and what it refuses to be told."""

from pathlib import Path
from typing import Any

import pytest

from linkpool.relay.settings import Settings, SettingsRefused

GOOD = {"upstreams": ["ws://127.0.0.1:1"], "chain_id": 1}


def load(tmp_path: Path, text: str = "", environ: dict[str, str] | None = None, **said: Any) -> Settings:
    file = tmp_path / "relay.toml"
    file.write_text(text)
    return Settings.load(file, environ or {}, said)


def test_the_command_line_outranks_the_environment_and_that_the_file(tmp_path: Path) -> None:
    text = 'upstreams = ["ws://file"]\nchain_id = 1\nport = 1\nwindow = 100'
    environ = {"LINKPOOL_RELAY_UPSTREAMS": "ws://a, ws://b", "LINKPOOL_RELAY_PORT": "2"}
    settings = load(tmp_path, text, environ, port=3, host=None)
    assert settings.upstreams == ["ws://a", "ws://b"]
    assert (settings.chain_id, settings.port, settings.window) == (1, 3, 100)
    assert settings.host == "127.0.0.1"


def test_it_runs_without_a_file() -> None:
    assert Settings.load(None, {}, GOOD).token() is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"upstreams": []}, "upstreams"),
        ({"chain_id": None}, "chain_id"),
        ({"chain_id": 0}, "chain_id"),
        ({"genesis": "0x12"}, "genesis"),
        ({"port": 70_000}, "port"),
        ({"relays": 2}, "relays"),
        ({"tls_cert": "x"}, "tls_cert and tls_key"),
        ({"host": "10.0.0.5"}, "no loopback"),
        ({"host": "10.0.0.5", "token_file": "t"}, "no loopback"),
        ({"host": "relay.internal", "tls_cert": "c", "tls_key": "k"}, "no loopback"),
    ],
)
def test_what_cannot_be_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsRefused, match=named):
        Settings.load(None, {}, {**GOOD, **change})


def test_off_loopback_a_token_and_tls_are_enough() -> None:
    far = {"host": "10.0.0.5", "token_file": "t", "tls_cert": "c", "tls_key": "k"}
    assert Settings.load(None, {}, {**GOOD, **far}).host == "10.0.0.5"


def test_a_token_is_long_and_fits_a_url(tmp_path: Path) -> None:
    file = tmp_path / "token"
    settings = Settings.load(None, {}, {**GOOD, "token_file": file})
    with pytest.raises(SettingsRefused, match="No such file"):
        settings.token()
    for bad in ("short", "a" * 31, "a/" * 20):
        file.write_text(bad)
        with pytest.raises(SettingsRefused, match="32 letters and digits"):
            settings.token()
    file.write_text("a1" * 16 + "\nmore")
    assert settings.token() == "a1" * 16


def test_tls_files_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("no certificate")
    both = {"tls_cert": tmp_path / "x", "tls_key": tmp_path / "x"}
    with pytest.raises(SettingsRefused, match="tls_cert"):
        Settings.load(None, {}, {**GOOD, **both}).tls()


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match=r"relay\.toml"):
        load(tmp_path, "upstreams = [")
