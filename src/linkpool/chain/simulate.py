"""Try a call before paying for it, and say in words why it would fail.

Solidity's `Error(string)` and `Panic(uint256)`, Vyper's plain reasons (the same `Error(string)`), its bare
`raise` (no data), raw text as some old contracts give it, and custom errors by selector.
"""

from collections.abc import Mapping
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from linkpool.chain.rpc import Garbage, Reverted, Rpc
from linkpool.chain.types import unhex

_ERROR = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")
_PANICS = {
    0x00: "generic compiler panic",
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division by zero",
    0x21: "bad enum value",
    0x22: "badly encoded storage bytes",
    0x31: "pop of an empty array",
    0x32: "array index out of bounds",
    0x41: "out of memory",
    0x51: "call of an uninitialized function",
}


def custom_errors(*signatures: str) -> dict[bytes, str]:
    """Selectors of custom errors such as `NotOwner(address)`, to hand to `explain`."""
    return {keccak(signature.encode())[:4]: signature for signature in signatures}


def explain(data: bytes, errors: Mapping[bytes, str] | None = None) -> str:
    """What revert data says, for people: a reason, a panic, a custom error with its values, or hex."""
    if not data:
        return "no reason given"
    try:
        return _decoded(data[:4], data[4:], errors or {}) or _raw(data)
    except (DecodingError, UnicodeDecodeError, ValueError):
        return f"undecodable revert data 0x{data[:68].hex()}"


def _decoded(selector: bytes, body: bytes, errors: Mapping[bytes, str]) -> str | None:
    if selector == _ERROR:
        return str(decode(["string"], body)[0])
    if selector == _PANIC:
        code = int(decode(["uint256"], body)[0])
        return f"panic 0x{code:02x}: {_PANICS.get(code, 'unknown')}"
    return _custom(errors[selector], body) if selector in errors else None


def _raw(data: bytes) -> str:
    text = data.rstrip(b"\0")
    if text and all(32 <= byte < 127 for byte in text):
        return text.decode("ascii")
    return f"custom error 0x{data[:68].hex()}"


async def simulate(
    rpc: Rpc,
    transaction: Mapping[str, Any],
    *,
    block: str = "latest",
    errors: Mapping[bytes, str] | None = None,
) -> bytes:
    """Run `transaction` (from, to, data, gas, value as JSON values) on the state of `block` by eth_call.

    Returns its data. Raises Reverted with the decoded reason, another Refusal, or EndpointTrouble.
    """
    try:
        result = await rpc.call("eth_call", dict(transaction), block)
    except Reverted as revert:
        reason = explain(revert.revert_data, errors) if revert.revert_data else revert.reason
        raise Reverted(reason, revert.revert_data, revert.code) from None
    try:
        return unhex(result)
    except (AttributeError, ValueError) as problem:
        raise Garbage(f"eth_call: not data: {str(result)[:200]}") from problem


def _custom(signature: str, body: bytes) -> str:
    name, _, types = signature.partition("(")
    inner = types.removesuffix(")")
    values = decode(inner.split(","), body) if inner else ()
    shown = ", ".join("0x" + value.hex() if isinstance(value, bytes) else str(value) for value in values)
    return f"{name}({shown})"
