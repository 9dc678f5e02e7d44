"""Keys without elliptic curves: a signature that costs nothing, for histories by the ten thousand.

A sealed transaction is its fields as JSON, with the sender named in them. Who holds no `Seal` cannot make one
in the simulator either, because nothing else does.
"""

import hashlib
import json
from typing import Any

from linkpool.chain.types import checksum
from tests.support.fake_chain import Refused, Tx


class Seal:
    """Stands where a `linkpool.chain.keys.Key` stands."""

    def __init__(self, number: int) -> None:
        self.address = checksum("0x" + hashlib.sha256(b"seal %d" % number).hexdigest()[:40])

    def sign(self, transaction: dict[str, Any]) -> tuple[bytes, bytes]:
        """The sealed transaction and its hash."""
        raw = json.dumps({**transaction, "from": self.address}, sort_keys=True).encode()
        return raw, hashlib.sha256(raw).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Seal) and other.address == self.address

    def __hash__(self) -> int:
        return hash(self.address)


def unseal(raw: bytes) -> Tx:
    """`FakeChain.decode` for sealed transactions. Raises Refused."""
    try:
        tx = json.loads(raw)
    except ValueError as problem:
        raise Refused(f"rlp: {problem}") from problem
    fee = tx.get("maxFeePerGas", tx.get("gasPrice"))
    return Tx(
        raw,
        hashlib.sha256(raw).digest(),
        tx["from"],
        tx["nonce"],
        tx["to"],
        tx["value"],
        bytes.fromhex(tx["data"][2:]),
        tx["gas"],
        fee,
        tx.get("maxPriorityFeePerGas", fee),
    )
