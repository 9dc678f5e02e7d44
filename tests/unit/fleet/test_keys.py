"""One master secret: the same keys for ever, none of them twice, and nothing of it to be seen."""

import io
import stat
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from linkpool import log
from linkpool.chain.keys import Key
from linkpool.fleet.secrets.keys import ORDER, Keyring, KeysRefused, new_master, reseal, seal, unseal
from linkpool.units import Slot

MASTER = bytes(range(32))
CHEAP = 2**4
MANAGER = "0x870448e69d8D187Bf634e35B28FF40f15291950c"
TREASURY = "0xe950d7BA9E962B5a9F2cf34b421187f878b0C059"
WALLET_1 = "0xecc8330CFB42C7a1CBf18fbeb0cc5d4DfE9239e8"
SENDER_1_0 = "0x30a13A3023bB5F490d7f75Fa3D87b1Eb140eC620"
TOKEN = "_AT49SXKipmaQ1MjixkMQybBx4U_TRSagZOFn4gi7cs"


def test_derivation_never_changes() -> None:
    """Known answers: a change of these would lose every node of every pool."""
    keys = Keyring(MASTER)
    assert Key(keys.manager()).address == MANAGER
    assert Key(keys.treasury()).address == TREASURY
    assert Key(keys.wallet(1)).address == WALLET_1
    assert Key(keys.sender(1, Slot(0))).address == SENDER_1_0
    assert keys.group_token("n1-blue") == TOKEN


@given(st.binary(min_size=32, max_size=32))
def test_every_purpose_has_a_key_of_its_own(master: bytes) -> None:
    keys = Keyring(master)
    made = [keys.manager(), keys.treasury()]
    made += [keys.wallet(node) for node in range(3)]
    made += [keys.sender(node, Slot(slot)) for node in (1, 11) for slot in range(6)]
    assert len(set(made)) == len(made)
    assert all(0 < int(key, 16) < ORDER for key in made)


def test_sealed_and_unsealed_it_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "master.json"
    master = new_master()
    seal(master, "pass", path, cost=CHEAP)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert master.hex() not in path.read_text()
    assert unseal("pass", path).manager() == Keyring(master).manager()


def test_the_passphrase_changes_and_the_keys_do_not(tmp_path: Path) -> None:
    path = tmp_path / "master.json"
    seal(MASTER, "old", path, cost=CHEAP)
    reseal("old", "new", path, cost=CHEAP)
    assert unseal("new", path).export() == MASTER
    assert [file.name for file in tmp_path.iterdir()] == ["master.json"]
    with pytest.raises(KeysRefused):
        unseal("old", path)


def test_what_is_wrong_is_said_without_the_secret(tmp_path: Path) -> None:
    path = tmp_path / "master.json"
    with pytest.raises(KeysRefused, match="keys init"):
        unseal("pass", path)
    seal(MASTER, "pass", path, cost=CHEAP)
    with pytest.raises(KeysRefused, match="never overwritten"):
        seal(MASTER, "pass", path, cost=CHEAP)
    with pytest.raises(KeysRefused, match="wrong passphrase"):
        unseal("other", path)
    path.write_text(path.read_text().replace("ciphertext", "text"))
    with pytest.raises(KeysRefused, match="no sealed master secret"):
        unseal("pass", path)
    with pytest.raises(KeysRefused, match="32 bytes"):
        Keyring(b"short")


def test_no_key_reaches_a_log_or_a_repr() -> None:
    keys = Keyring(MASTER)
    made = [MASTER.hex(), keys.manager(), keys.sender(1, Slot(0)), keys.group_token("n1-blue")]
    stream = io.StringIO()
    log.configure(stream)
    structlog.get_logger().info("careless", keys=keys, made=made, text=" ".join(made))
    structlog.reset_defaults()
    for secret in made:
        assert secret.removeprefix("0x") not in stream.getvalue()


@given(st.text())
def test_locked_secrets_open_again_and_only_with_the_same_master(secret: str) -> None:
    keys = Keyring(MASTER)
    locked = keys.lock(secret)
    assert keys.lock(secret) == locked
    assert keys.unlock(locked) == secret
    with pytest.raises(KeysRefused):
        Keyring(bytes(32)).unlock(locked)
