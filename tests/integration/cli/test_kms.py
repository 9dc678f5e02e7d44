"""The master secret sealed by KMS: AWS's own client against an emulator of the service (moto) over HTTP."""

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner, Result

from linkpool.cli.app import app
from linkpool.errors import LinkPoolError
from linkpool.fleet.secrets.keys import Keyring, KeysRefused
from linkpool.fleet.secrets.kms import KeyServiceUnreachable, kms_key_of, seal_by_kms, unseal_by_kms
from linkpool.fleet.secrets.sealed import open_keys
from tests.support.control import MASTER, Ground, control_plane, ground

REGION = "eu-west-1"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The emulator's URL; every AWS client of this process asks it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    yield url
    server.stop()


@pytest.fixture
def key(service: str) -> str:
    """ARN of a key that exists."""
    made = boto3.client("kms", region_name=REGION).create_key()
    return str(made["KeyMetadata"]["Arn"])


def linkpool(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_sealed_by_kms_and_opened_again(key: str, tmp_path: Path) -> None:
    path = tmp_path / "master.json"
    seal_by_kms(MASTER, key, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert MASTER.hex() not in path.read_text()
    assert kms_key_of(path) == key
    assert open_keys(path, None).export() == MASTER


def test_the_commands(key: str, tmp_path: Path) -> None:
    file, moved, exported = tmp_path / "master.json", tmp_path / "moved.json", tmp_path / "exported"
    made = linkpool("keys", "init", "--kms-key", key, "--file", file)
    assert made.exit_code == 0, made.output
    assert key in made.output
    manager = made.output.split("manager")[1].split()[0]
    assert manager in linkpool("keys", "verify", "--file", file).output
    exported.write_text(linkpool("keys", "export", "--yes", "--file", file).output)
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("long enough a passphrase\n")
    words = ("keys", "import", "--secret-file", exported, "--passphrase-file", passphrase, "--file", moved)
    assert manager in linkpool(*words).output
    assert kms_key_of(moved) is None
    assert open_keys(moved, passphrase).export() == open_keys(file, None).export()


@pytest.mark.parametrize("both", [True, False])
def test_exactly_one_way_to_seal_is_said(tmp_path: Path, both: bool) -> None:
    file = tmp_path / "master.json"
    options = ("--kms-key", "arn", "--passphrase-file", tmp_path / "x") if both else ()
    result = linkpool("keys", "init", "--file", file, *options)
    assert isinstance(result.exception, LinkPoolError)
    assert "either" in str(result.exception)
    assert not file.exists()


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path) as made:
        yield made


async def test_a_control_plane_starts_without_a_passphrase(pool: Ground, key: str) -> None:
    (pool.folder / "master.json").unlink()
    (pool.folder / "passphrase").unlink()
    seal_by_kms(MASTER, key, pool.folder / "master.json")
    async with control_plane(pool.settings(passphrase_file=None)) as control:
        assert (await control.client.get("/api/v1/nodes")).status_code == 200


def change(path: Path, **fields: str) -> None:
    document = json.loads(path.read_text())
    for name, value in fields.items():
        place = document["kms"] if name in document["kms"] else document
        place[name] = value
    path.write_text(json.dumps(document))


def test_what_is_wrong_is_said_without_the_secret(key: str, tmp_path: Path) -> None:
    path = tmp_path / "master.json"
    seal_by_kms(MASTER, key, path)
    with pytest.raises(KeysRefused, match="never overwritten"):
        seal_by_kms(MASTER, key, path)
    good = path.read_text()
    for fields, reason in (
        ({"wrapped": base64.b64encode(b"nonsense").decode()}, "KMS refuses"),
        ({"key": f"arn:aws:kms:{REGION}:123456789012:key/none"}, "KMS refuses"),
        ({"key": "alias/x"}, "no ARN"),
        ({"ciphertext": "00" * 48}, "was changed"),
        ({"nonce": "not hex"}, "no sealed master secret"),
    ):
        change(path, **fields)
        with pytest.raises(KeysRefused, match=reason):
            unseal_by_kms(path)
        path.write_text(good)


def test_another_key_does_not_open_it(key: str, tmp_path: Path) -> None:
    path = tmp_path / "master.json"
    seal_by_kms(MASTER, key, path)
    other = boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["Arn"]
    change(path, key=other)
    with pytest.raises(KeysRefused, match="KMS refuses"):
        unseal_by_kms(path)


def test_a_service_out_of_reach_may_come_back(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "master.json"
    seal_by_kms(MASTER, key, path)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        nowhere = f"http://127.0.0.1:{probe.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", nowhere)
    with pytest.raises(KeyServiceUnreachable, match="cannot be asked"):
        unseal_by_kms(path)
    assert Keyring(MASTER).manager() not in path.read_text()
