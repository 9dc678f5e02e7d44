"""A sender's key: it signs, and never shows itself."""

from typing import Any, NoReturn

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import Hash32

from linkpool.errors import Permanent
from linkpool.log import hide


class BadKey(Permanent):
    """Not a private key. The text never holds what was given."""


class Key:
    """One private key. `repr` shows the address, pickling and copying are refused, logs are scrubbed."""

    __slots__ = ("_account", "address")

    def __init__(self, secret: str | bytes) -> None:
        """`secret`: 32 bytes, or their hex with or without 0x. Raises BadKey."""
        try:
            self._account: LocalAccount = Account.from_key(secret)
        except Exception as problem:  # noqa: BLE001 - libraries differ in what they raise, and show the key in it
            problem_name = type(problem).__name__
        else:
            hide(self._account.key.hex())
            self.address: str = self._account.address
            return
        raise BadKey(f"not a private key: 32 bytes or 64 hex digits are needed ({problem_name})")

    def sign(self, transaction: dict[str, Any]) -> tuple[bytes, bytes]:
        """Sign a transaction (ints and 0x strings, `chainId` and `nonce` included): raw bytes and hash."""
        signed = self._account.sign_transaction(transaction)
        return bytes(signed.raw_transaction), bytes(signed.hash)

    def sign_digest(self, digest: bytes) -> bytes:
        """The 65-byte signature (r, s, v in 27..28) of a 32-byte digest."""
        return bytes(self._account.unsafe_sign_hash(Hash32(digest)).signature)

    def __repr__(self) -> str:
        return f"Key({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled or copied: hand it over by reference")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other.address == self.address

    def __hash__(self) -> int:
        return hash(self.address)
