"""What a waiting wallet signs, and whether it really did: EIP-712, by a key or by a contract (EIP-1271).

    Waiting(address wallet,uint256 amount,uint256 deadline,uint256 nonce)

An amount of 0 is the wish to leave: so no statement can stand for another, whatever it is sent to. The domain
names the chain and the pool, the nonce grows, and the deadline ends it.
"""

from dataclasses import dataclass

from coincurve import PublicKey
from eth_abi.abi import encode
from eth_abi.exceptions import EncodingError
from eth_utils.crypto import keccak

from linkpool.chain.rpc import Refusal, Rpc
from linkpool.chain.types import checksum, unhex
from linkpool.errors import Permanent
from linkpool.wire.waiting import Statement

NAME, VERSION = "LinkPool", "1"
_DOMAIN = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_WAITING = keccak(text="Waiting(address wallet,uint256 amount,uint256 deadline,uint256 nonce)")
_MAGIC = bytes.fromhex("1626ba7e")
"""What `isValidSignature(bytes32,bytes)` returns for a good one, and its selector (EIP-1271)."""
_HALF_ORDER = 0x7FFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_5D576E73_57A4501D_DFE92F46_681B20A0
_CHECK_GAS = hex(2_000_000)
KEY_SIGNATURE = 65


class BadSignature(Permanent):
    """The wallet did not sign this."""


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a statement counts: one pool on one chain."""

    chain_id: int
    pool: str

    def digest(self, said: Statement) -> bytes:
        """The 32 bytes that a wallet signs. Raises BadSignature for a number that is none of 256 bits."""
        try:
            domain = encode(
                ("bytes32", "bytes32", "bytes32", "uint256", "address"),
                (_DOMAIN, keccak(text=NAME), keccak(text=VERSION), self.chain_id, self.pool),
            )
            body = encode(
                ("bytes32", "address", "uint256", "uint256", "uint256"),
                (_WAITING, said.wallet, int(said.amount), said.deadline, int(said.nonce)),
            )
        except EncodingError as error:
            raise BadSignature("amount and nonce must be below 2**256") from error
        return keccak(b"\x19\x01" + keccak(domain) + keccak(body))


def signer(digest: bytes, signature: bytes) -> str | None:
    """Whose key signed; None when it is no signature of a key. Only the lower s of both is taken (EIP-2)."""
    if len(signature) != KEY_SIGNATURE or signature[64] not in (0, 1, 27, 28):
        return None
    if int.from_bytes(signature[32:64]) > _HALF_ORDER:
        return None
    recoverable = signature[:64] + bytes([signature[64] % 27])
    try:
        key = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except Exception:  # noqa: BLE001 - the library raises a plain Exception for what is no recoverable signature
        return None
    return checksum(f"0x{keccak(key.format(compressed=False)[1:])[12:].hex()}")


async def check(said: Statement, domain: Domain, rpc: Rpc) -> None:
    """That the wallet signed this. Raises BadSignature, EndpointTrouble."""
    digest, signature = domain.digest(said), unhex(said.signature)
    if signer(digest, signature) == checksum(said.wallet):
        return
    if not await _contract_agrees(checksum(said.wallet), digest, signature, rpc):
        raise BadSignature(f"{said.wallet} did not sign this statement for this pool on this chain")


async def _contract_agrees(wallet: str, digest: bytes, signature: bytes, rpc: Rpc) -> bool:
    data = _MAGIC + encode(("bytes32", "bytes"), (digest, signature))
    call = {"to": wallet, "data": f"0x{data.hex()}", "gas": _CHECK_GAS}
    try:
        returned = await rpc.call("eth_call", call, "latest")
    except Refusal:  # it reverts: that is a no
        return False
    return isinstance(returned, str) and unhex(returned[:66]) == _MAGIC.ljust(32, b"\0")
