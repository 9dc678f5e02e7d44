"""The master secret sealed by a key of AWS KMS instead of a passphrase.

KMS makes a data key and hands it out twice, in clear and wrapped. The secret is sealed under the former,
which is then forgotten; the file keeps the latter, and only who may call `kms:Decrypt` gets it back. The
region is in the key's ARN; credentials come the way AWS's own tools find them. Calls block: use a thread.
"""

import base64
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from linkpool.errors import Temporary
from linkpool.files import write_private
from linkpool.fleet.secrets.keys import Keyring, KeysRefused

CONTEXT = {"linkpool": "master secret 1"}
"""Bound to the data key: it opens nothing else, and AWS's own audit log shows what it was for."""
_ARN = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]+")
_HEADER = b"linkpool master secret 1"


class KeyServiceUnreachable(Temporary):
    """KMS did not answer; nothing is known about the key."""


def seal_by_kms(master: bytes, key: str, path: Path) -> None:
    """Write the master secret, sealed by the KMS key of that ARN.

    Raises KeysRefused when the file is there already or KMS refuses, KeyServiceUnreachable, OSError.
    """
    if path.exists():
        raise KeysRefused(f"{path} is there already and is never overwritten; move it away first")
    with _translated(key):
        made = _client(key).generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT)
    nonce = secrets.token_bytes(12)
    document = {
        "version": 1,
        "cipher": "aes-256-gcm",
        "kms": {"key": key, "wrapped": base64.b64encode(made["CiphertextBlob"]).decode()},
        "nonce": nonce.hex(),
        "ciphertext": AESGCM(made["Plaintext"]).encrypt(nonce, master, _HEADER).hex(),
    }
    write_private(path, json.dumps(document, indent=2) + "\n")


def kms_key_of(path: Path) -> str | None:
    """ARN of the KMS key that a file is sealed by; None for a passphrase, or for what is no sealed file."""
    try:
        key = json.loads(path.read_text())["kms"]["key"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(key)


def unseal_by_kms(path: Path) -> Keyring:
    """The keyring of a master secret that is sealed by KMS. Raises KeysRefused, KeyServiceUnreachable."""
    try:
        document = json.loads(path.read_text())
        key, wrapped = str(document["kms"]["key"]), base64.b64decode(document["kms"]["wrapped"])
        nonce, cipher = bytes.fromhex(document["nonce"]), bytes.fromhex(document["ciphertext"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeysRefused(f"{path} is no sealed master secret; restore it from a backup") from error
    with _translated(key):
        opened = _client(key).decrypt(KeyId=key, CiphertextBlob=wrapped, EncryptionContext=CONTEXT)
    try:
        return Keyring(AESGCM(opened["Plaintext"]).decrypt(nonce, cipher, _HEADER))
    except InvalidTag as error:
        raise KeysRefused(f"{path} was changed since it was sealed; restore it from a backup") from error


def _client(key: str) -> Any:
    named = _ARN.fullmatch(key)
    if named is None:
        raise KeysRefused(f"{key!r} is no ARN of a KMS key (arn:aws:kms:REGION:ACCOUNT:key/ID)")
    return _boto("boto3").client("kms", region_name=named[1])


def _boto(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise KeysRefused("KMS needs boto3: install linkpool[aws]") from error


@contextmanager
def _translated(key: str) -> Iterator[None]:
    """What AWS's library raises, as our own errors."""
    wrong = _boto("botocore.exceptions")
    try:
        yield
    except wrong.ClientError as error:
        raise KeysRefused(f"KMS refuses {key}: {error}") from error
    except wrong.BotoCoreError as error:
        raise KeyServiceUnreachable(f"KMS cannot be asked for {key}: {error}") from error
