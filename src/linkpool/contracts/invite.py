"""Invites: the manager's EIP-712 permission for one new node, and the address that node will have."""

from collections.abc import Callable
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from linkpool.chain.types import checksum

_DOMAIN = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_INVITE = keccak(
    text="Invite(address wallet,address[] senders,uint256 capacity,uint256 deadline,uint256 nonce)"
)
_NAME = keccak(text="LinkPool")
_VERSION = keccak(text="1")


@dataclass(frozen=True, slots=True)
class Invite:
    """One node: wallet, 1 to 6 senders, capacity in juels, deadline in Unix seconds, the manager's nonce."""

    wallet: str
    senders: tuple[str, ...]
    capacity: int
    deadline: int
    nonce: int

    @property
    def values(self) -> tuple[str, tuple[str, ...], int, int, int]:
        """As the ABI takes it."""
        return self.wallet, self.senders, self.capacity, self.deadline, self.nonce

    def digest(self, chain_id: int, pool: str) -> bytes:
        """The 32 bytes that the manager signs, as `StakingPool.invite_digest` computes them."""
        domain = keccak(
            encode(
                ("bytes32", "bytes32", "bytes32", "uint256", "address"),
                (_DOMAIN, _NAME, _VERSION, chain_id, pool),
            )
        )
        senders = keccak(b"".join(encode(("address",), (sender,)) for sender in self.senders))
        body = keccak(
            encode(
                ("bytes32", "address", "bytes32", "uint256", "uint256", "uint256"),
                (_INVITE, self.wallet, senders, self.capacity, self.deadline, self.nonce),
            )
        )
        return keccak(b"\x19\x01" + domain + body)

    def sign(self, chain_id: int, pool: str, sign_digest: Callable[[bytes], bytes]) -> bytes:
        """The 65-byte signature for `register`; `sign_digest` is the manager's `Key.sign_digest`."""
        return sign_digest(self.digest(chain_id, pool))


def oracle_address(pool: str, wallet: str, implementation: str) -> str:
    """The NodeOracle (node id) that `pool` makes for `wallet`: CREATE2 of a minimal proxy, salt = wallet.

    `implementation` is `StakingPool.IMPLEMENTATION()`, which `implementation_address(pool)` knows too.
    """
    proxy = bytes.fromhex(
        "602d3d8160093d39f3363d3d373d3d3d363d73" + implementation[2:] + "5af43d82803e903d91602b57fd5bf3"
    )
    salt = encode(("address",), (wallet,))
    return checksum("0x" + keccak(b"\xff" + bytes.fromhex(pool[2:]) + salt + keccak(proxy))[12:].hex())


def implementation_address(pool: str) -> str:
    """The one NodeOracle implementation that `pool` made in its constructor: its first CREATE (nonce 1)."""
    return checksum("0x" + keccak(b"\xd6\x94" + bytes.fromhex(pool[2:]) + b"\x01")[12:].hex())
