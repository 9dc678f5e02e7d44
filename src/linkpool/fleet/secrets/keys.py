"""Every key of a pool from one master secret, and that secret at rest.

Derivation: HKDF-SHA256 over the 32-byte master secret with an info string that says what the key is for,
48 bytes out, reduced to a private key as `1 + bytes mod (n - 1)` with n the order of secp256k1 (48 bytes make
the bias negligible). The info strings are, with INDEX and SLOT in decimal:

    linkpool/1/manager          signs invites and sends the manager's transactions
    linkpool/1/treasury         pays gas
    linkpool/1/node/INDEX/wallet
    linkpool/1/node/INDEX/slot/SLOT
    linkpool/1/group/NAME/token  32 bytes, not a key: what the replicas of a group show
    linkpool/1/authority         32 bytes, an Ed25519 key: vouches for control planes (`authority`)
    linkpool/1/database          64 bytes, not a key: locks the secrets of others (AES-SIV)

At rest: AES-256-GCM under a key that scrypt makes from a passphrase, in a JSON file of mode 0600.
"""

import base64
import json
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from linkpool import log
from linkpool.errors import Permanent
from linkpool.files import write_private
from linkpool.units import Slot

ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""Order of secp256k1 (SEC 2, section 2.4.1)."""
SLOTS = 6
"""Senders of a node, made at once (DESIGN section 2)."""
_SCRYPT_N = 2**17
_HEADER = b"linkpool master secret 1"


class KeysRefused(Permanent):
    """The master secret cannot be read or written as asked."""


class Keyring:
    """Derives; holds the master secret in memory and shows it to nobody."""

    def __init__(self, master: bytes) -> None:
        if len(master) != 32:
            raise KeysRefused(f"a master secret has 32 bytes, not {len(master)}")
        log.hide(master.hex())
        self._master = master

    def __repr__(self) -> str:
        return "Keyring([secret])"

    def manager(self) -> str:
        """Private key of the pool's manager, 0x-hex like all of them."""
        return self._key("manager")

    def treasury(self) -> str:
        """Private key that pays for gas."""
        return self._key("treasury")

    def wallet(self, node: int) -> str:
        """Private key behind a node's wallet; its address is all that is ever used."""
        return self._key(f"node/{node}/wallet")

    def sender(self, node: int, slot: Slot) -> str:
        """Private key of one of a node's senders."""
        return self._key(f"node/{node}/slot/{slot}")

    def group_token(self, group: str) -> str:
        """What a group's replicas show when they claim a slot."""
        return log.hide(
            base64.urlsafe_b64encode(self._derive(f"group/{group}/token", 32)).decode().rstrip("=")
        )

    def authority(self) -> bytes:
        """Seed of the pool's certificate authority, 32 bytes."""
        return self._derive("authority", 32)

    def export(self) -> bytes:
        """The master secret itself: everything the pool has. For a back-up on paper, and nothing else."""
        return self._master

    def lock(self, secret: str) -> str:
        """A secret as the database may keep it; the same text always gives the same result."""
        return self._database_cipher().encrypt(secret.encode(), None).hex()

    def unlock(self, locked: str) -> str:
        """The secret again. Raises KeysRefused when it was locked under another master secret."""
        try:
            return log.hide(self._database_cipher().decrypt(bytes.fromhex(locked), None).decode())
        except (InvalidTag, ValueError) as error:
            raise KeysRefused("a secret in the database belongs to another master secret") from error

    def _database_cipher(self) -> AESSIV:
        return AESSIV(self._derive("database", 64))

    def _key(self, purpose: str) -> str:
        number = 1 + int.from_bytes(self._derive(purpose, 48)) % (ORDER - 1)
        return log.hide(f"0x{number:064x}")

    def _derive(self, purpose: str, length: int) -> bytes:
        return HKDF(SHA256(), length, salt=None, info=f"linkpool/1/{purpose}".encode()).derive(self._master)


def new_master() -> bytes:
    """A fresh master secret."""
    return secrets.token_bytes(32)


def seal(master: bytes, passphrase: str, path: Path, *, cost: int = _SCRYPT_N) -> None:
    """Write the master secret, encrypted. Raises KeysRefused when the file is there already, OSError."""
    if path.exists():
        raise KeysRefused(f"{path} is there already and is never overwritten; move it away first")
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    cipher = AESGCM(_stretch(passphrase, salt, cost)).encrypt(nonce, master, _HEADER)
    document = {
        "version": 1,
        "cipher": "aes-256-gcm",
        "kdf": {"name": "scrypt", "n": cost, "r": 8, "p": 1, "salt": salt.hex()},
        "nonce": nonce.hex(),
        "ciphertext": cipher.hex(),
    }
    write_private(path, json.dumps(document, indent=2) + "\n")


def unseal(passphrase: str, path: Path) -> Keyring:
    """The keyring of a sealed master secret. Raises KeysRefused, saying what to do."""
    try:
        document = json.loads(path.read_text())
        key = _stretch(passphrase, bytes.fromhex(document["kdf"]["salt"]), int(document["kdf"]["n"]))
        nonce, cipher = bytes.fromhex(document["nonce"]), bytes.fromhex(document["ciphertext"])
    except FileNotFoundError as error:
        raise KeysRefused(
            f"there is no master secret at {path}; make one with: linkpool keys init"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise KeysRefused(f"{path} is no sealed master secret; restore it from a backup") from error
    try:
        return Keyring(AESGCM(key).decrypt(nonce, cipher, _HEADER))
    except InvalidTag as error:
        raise KeysRefused(f"wrong passphrase for {path}, or the file was changed") from error


def reseal(old: str, new: str, path: Path, *, cost: int = _SCRYPT_N) -> None:
    """Change the passphrase; the file is replaced in one step. Raises KeysRefused."""
    fresh = path.with_name(f".{path.name}.resealed")
    fresh.unlink(missing_ok=True)
    seal(unseal(old, path).export(), new, fresh, cost=cost)
    fresh.replace(path)


def _stretch(passphrase: str, salt: bytes, cost: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=cost, r=8, p=1).derive(passphrase.encode())
