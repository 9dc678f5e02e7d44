"""Secrets come by file, and only addresses are shown."""

from pathlib import Path

from linkpool.chain.keys import Key
from linkpool.cli.output import say
from linkpool.errors import Permanent
from linkpool.fleet.secrets.keys import Keyring, seal
from linkpool.fleet.secrets.kms import seal_by_kms
from linkpool.log import hide

MIN_PASSPHRASE = 12


class BadSecret(Permanent):
    """A file that should hold a secret holds none. The text never shows what it holds."""


def passphrase(path: Path) -> str:
    """The first line of a file. Raises BadSecret."""
    text = _read(path).splitlines()
    if not text or len(text[0]) < MIN_PASSPHRASE:
        raise BadSecret(
            f"{path}: the first line must be a passphrase of at least {MIN_PASSPHRASE} characters"
        )
    return hide(text[0])


def exported(path: Path) -> bytes:
    """A master secret as `keys export` prints it. Raises BadSecret."""
    try:
        master = bytes.fromhex(_read(path).strip())
    except ValueError as error:
        raise BadSecret(f"{path}: not a master secret, 64 hex digits") from error
    if len(master) != 32:
        raise BadSecret(f"{path}: a master secret has 64 hex digits, not {2 * len(master)}")
    return master


def write_sealed(master: bytes, file: Path, passphrase_file: Path | None, kms_key: str | None) -> str:
    """Seal a master secret by one or the other; what opens it, in words. Raises BadSecret, KeysRefused."""
    if kms_key is not None and passphrase_file is None:
        seal_by_kms(master, kms_key, file)
        return f"the KMS key {kms_key}"
    if passphrase_file is None or kms_key is not None:
        raise BadSecret("say either --passphrase-file FILE or --kms-key ARN")
    seal(master, passphrase(passphrase_file), file)
    return "its passphrase"


def show_addresses(keys: Keyring, *, as_json: bool, file: str) -> None:
    """Print what may be known."""
    manager, treasury = Key(keys.manager()).address, Key(keys.treasury()).address
    text = f"manager   {manager}    (deploy the pool with it)\ntreasury  {treasury}    (send it coin for gas)"
    say(text, as_json=as_json, file=file, manager=manager, treasury=treasury)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise BadSecret(f"cannot read {path}: {error.strerror}") from error
