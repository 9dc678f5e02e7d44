"""Opening the sealed master secret by whatever it is sealed with: the file says which."""

from pathlib import Path

from linkpool.fleet.secrets.keys import Keyring, KeysRefused, unseal
from linkpool.fleet.secrets.kms import kms_key_of, unseal_by_kms
from linkpool.log import hide


def open_keys(path: Path, passphrase_file: Path | None) -> Keyring:
    """The keyring in `path`. passphrase_file: its first line is tried unless KMS sealed it.

    Takes a second of work, or calls AWS: use a thread. Raises KeysRefused, KeyServiceUnreachable.
    """
    if kms_key_of(path) is not None:
        return unseal_by_kms(path)
    if passphrase_file is None:
        raise KeysRefused(f"{path} is not sealed by KMS: name the file that holds its passphrase")
    try:
        passphrase = passphrase_file.read_text().splitlines()[0]
    except (OSError, IndexError) as error:
        raise KeysRefused(f"there is no passphrase in {passphrase_file}") from error
    return unseal(hide(passphrase), path)
