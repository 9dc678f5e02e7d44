"""A sender's key: it signs, and never shows itself."""

from collections.abc import Mapping
from typing import Any, NoReturn

from coincurve import PrivateKey
from eth_hash.auto import keccak

from linkpool.chain.signing import signed
from linkpool.chain.types import checksum
from linkpool.errors import Permanent
from linkpool.log import hide

SECRET_BYTES = 32


class BadKey(Permanent):
    """Not a private key. The text never holds what was given."""


class Key:
    """One private key. `repr` shows the address, pickling and copying are refused, logs are scrubbed."""

    __slots__ = ("_key", "address")

    def __init__(self, secret: str | bytes) -> None:
        """`secret`: 32 bytes, or their hex with or without 0x. Raises BadKey."""
        try:
            raw = bytes.fromhex(secret.removeprefix("0x")) if isinstance(secret, str) else secret
            self._key = PrivateKey(_whole(raw))
        except Exception as problem:  # noqa: BLE001 - whatever a library raises may show the key in it
            problem_name = type(problem).__name__
        else:
            hide(raw.hex())
            public = self._key.public_key.format(compressed=False)[1:]
            self.address: str = checksum("0x" + keccak(public)[-20:].hex())
            return
        raise BadKey(f"not a private key: 32 bytes or 64 hex digits are needed ({problem_name})")

    def sign(self, transaction: Mapping[str, Any]) -> tuple[bytes, bytes]:
        """Sign a transaction (`chain/signing.py`): raw bytes and hash."""
        raw = signed(transaction, lambda digest: self._key.sign_recoverable(digest, hasher=None))
        return raw, keccak(raw)

    def sign_digest(self, digest: bytes) -> bytes:
        """The 65-byte signature (r, s, v in 27..28) of a 32-byte digest."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([27 + signature[64]])

    def __repr__(self) -> str:
        return f"Key({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled or copied: hand it over by reference")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other.address == self.address

    def __hash__(self) -> int:
        return hash(self.address)


def _whole(raw: bytes) -> bytes:
    """32 bytes; fewer would be taken for a small number."""
    if len(raw) != SECRET_BYTES:
        raise ValueError(f"{len(raw)} bytes")
    return raw
