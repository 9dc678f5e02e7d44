"""Transactions as bytes: EIP-1559, and the legacy kind with its chain id (EIP-155), signed by secp256k1."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import rlp  # type: ignore[import-untyped]  # it brings no types
from eth_hash.auto import keccak

Sign = Callable[[bytes], bytes]
"""From a 32-byte digest to r, s and the recovery id (0 or 1), 65 bytes."""

_TYPE_2 = b"\x02"
_NO_ACCESS_LIST: tuple[()] = ()
_TYPED = ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "data")
_LEGACY = ("nonce", "gasPrice", "gas", "to", "value", "data")


def signed(transaction: Mapping[str, Any], sign: Sign) -> bytes:
    """The raw transaction. `transaction`: ints, `to` and `data` as 0x-hex or bytes; no `to` creates.

    Raises KeyError for a field that is missing.
    """
    chain_id = transaction["chainId"]
    if "gasPrice" in transaction:
        fields = [_item(transaction, name) for name in _LEGACY]
        r, s, parity = _parts(sign(keccak(_encode([*fields, chain_id, 0, 0]))))
        return _encode([*fields, 35 + 2 * chain_id + parity, r, s])
    fields = [*(_item(transaction, name) for name in _TYPED), _NO_ACCESS_LIST]
    r, s, parity = _parts(sign(keccak(_TYPE_2 + _encode(fields))))
    return _TYPE_2 + _encode([*fields, parity, r, s])


def _encode(fields: Sequence[Any]) -> bytes:
    return bytes(rlp.encode(fields))


def _item(transaction: Mapping[str, Any], name: str) -> Any:
    if name in ("to", "data"):
        value = transaction.get(name) or b""
        return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(value)
    return int(transaction[name])


def _parts(signature: bytes) -> tuple[int, int, int]:
    return int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64]
