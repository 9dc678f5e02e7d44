# pragma version 0.4.3
# pragma evm-version cancun
"""
@title invites: the manager's signed permission for one new node
@license MIT
@notice EIP-712, domain LinkPool / 1, with the live chain id and the pool's address.
@dev Threats: a replay (nonces are used once per manager, wallets and senders once per pool), another chain or another
     pool (domain, computed on every use), a front-run (anyone may submit: the outcome is the same), a stale invite
     (deadline), a regretted one (revoke_invite), a zero or malformed signature (never equals a manager).
"""

import authority

uses: authority


struct Invite:
    wallet: address
    senders: DynArray[address, 6]
    capacity: uint256
    deadline: uint256
    nonce: uint256


event InviteRevoked:
    manager: indexed(address)
    nonce: uint256


DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
INVITE_TYPE: constant(bytes32) = keccak256(
    "Invite(address wallet,address[] senders,uint256 capacity,uint256 deadline,uint256 nonce)"
)
NAME: constant(bytes32) = keccak256("LinkPool")
VERSION: constant(bytes32) = keccak256("1")

invite_used: public(HashMap[address, HashMap[uint256, bool]])  # manager -> nonce


@internal
@view
def _digest(invite: Invite) -> bytes32:
    encoded: Bytes[256] = abi_encode(invite.senders)  # offset, length, addresses
    senders: bytes32 = keccak256(slice(encoded, 64, 32 * len(invite.senders)))
    domain: bytes32 = keccak256(abi_encode(DOMAIN_TYPE, NAME, VERSION, chain.id, self))
    body: bytes32 = keccak256(
        abi_encode(
            INVITE_TYPE, invite.wallet, senders, invite.capacity, invite.deadline, invite.nonce
        )
    )
    return keccak256(concat(b"\x19\x01", domain, body))


@internal
def _use(invite: Invite, signature: Bytes[65]):
    assert block.timestamp <= invite.deadline, "Invite is past its deadline"
    assert len(signature) == 65, "Signature must be 65 bytes"
    signer: address = ecrecover(
        self._digest(invite),
        convert(slice(signature, 64, 1), uint256),
        extract32(signature, 0, output_type=uint256),
        extract32(signature, 32, output_type=uint256),
    )
    manager: address = authority.manager
    assert signer == manager and signer != empty(address), "Invite is not signed by the manager"
    assert not self.invite_used[manager][invite.nonce], "Invite is used or revoked"
    self.invite_used[manager][invite.nonce] = True


@external
@view
def invite_digest(invite: Invite) -> bytes32:
    """
    @notice What the manager signs.
    """
    return self._digest(invite)


@external
def revoke_invite(nonce: uint256):
    """
    @notice Make the present manager's invite of that nonce void.
    """
    authority._only_staff()
    manager: address = authority.manager
    self.invite_used[manager][nonce] = True
    log InviteRevoked(manager=manager, nonce=nonce)
