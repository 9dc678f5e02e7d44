# pragma version 0.4.3
# pragma evm-version cancun
"""
@title authority: who may do what in the pool, and the pause
@license MIT
@notice Owner (two steps, made to be a multisig), manager (a hot key), guardian (the emergency brake), fee account.
@dev Threats: a stolen manager key is revoked by the guardian at once and bounded by the owner's limits until then. A
     stolen guardian can pause for 14 days out of any 28 and no more; nothing that lets people answer, claim or leave
     looks at the pause.
"""

event OwnershipTransferStarted:
    owner: indexed(address)
    pending: indexed(address)


event OwnershipTransferred:
    previous: indexed(address)
    owner: indexed(address)


event ManagerChanged:
    manager: indexed(address)


event GuardianChanged:
    guardian: indexed(address)


event FeeAccountChanged:
    account: indexed(address)


event Paused:
    by: indexed(address)
    until: uint256


event Unpaused:
    by: indexed(address)


PAUSE_TIME: constant(uint256) = 14 * 86_400

owner: public(address)
pending_owner: public(address)
manager: public(address)
guardian: public(address)
fee_account: public(address)
paused_until: public(uint256)  # seconds; a pause lapses by itself
guardian_may_pause_at: public(uint256)  # seconds


@deploy
def __init__(owner: address, manager: address, guardian: address, fee_account: address):
    assert owner != empty(address), "Owner is zero"
    assert fee_account != empty(address), "Fee account is zero"
    self.owner = owner
    self.manager = manager
    self.guardian = guardian
    self.fee_account = fee_account
    log OwnershipTransferred(previous=empty(address), owner=owner)
    log ManagerChanged(manager=manager)
    log GuardianChanged(guardian=guardian)
    log FeeAccountChanged(account=fee_account)


@internal
@view
def _only_owner():
    assert msg.sender == self.owner, "Owner only"


@internal
@view
def _only_manager():
    assert msg.sender == self.manager or msg.sender == self.owner, "Manager only"


@internal
@view
def _only_staff():
    assert msg.sender in [self.manager, self.guardian, self.owner], "Manager or guardian only"


@internal
@view
def _paused() -> bool:
    return block.timestamp < self.paused_until


@external
@view
def paused() -> bool:
    return self._paused()


@external
def transfer_ownership(pending: address):
    """
    @notice Offer the pool to another owner, who must accept; zero withdraws the offer.
    """
    self._only_owner()
    self.pending_owner = pending
    log OwnershipTransferStarted(owner=msg.sender, pending=pending)


@external
def accept_ownership():
    """
    @notice Second step, by the pending owner.
    """
    assert msg.sender == self.pending_owner, "Pending owner only"
    log OwnershipTransferred(previous=self.owner, owner=msg.sender)
    self.owner = msg.sender
    self.pending_owner = empty(address)


@external
def set_manager(manager: address):
    """
    @notice Change the hot key. Invites signed by the old one are void, unless it is named again.
    """
    self._only_owner()
    self.manager = manager
    log ManagerChanged(manager=manager)


@external
def revoke_manager():
    """
    @notice Leave the pool without a manager until the owner names one.
    """
    assert msg.sender == self.guardian or msg.sender == self.owner, "Guardian only"
    self.manager = empty(address)
    log ManagerChanged(manager=empty(address))


@external
def set_guardian(guardian: address):
    """
    @notice Change the guardian; the new one may pause at once.
    """
    self._only_owner()
    self.guardian = guardian
    self.guardian_may_pause_at = 0
    log GuardianChanged(guardian=guardian)


@external
def set_fee_account(account: address):
    """
    @notice Where maker fees are paid.
    """
    self._only_owner()
    assert account != empty(address), "Fee account is zero"
    self.fee_account = account
    log FeeAccountChanged(account=account)


@external
def pause():
    """
    @notice Stop staking and new requests for 14 days from now. The owner may renew; the guardian must then let 14 days pass.
    """
    if msg.sender != self.owner:
        assert msg.sender == self.guardian, "Guardian only"
        assert block.timestamp >= self.guardian_may_pause_at, "Guardian paused lately"
        self.guardian_may_pause_at = block.timestamp + 2 * PAUSE_TIME
    self.paused_until = block.timestamp + PAUSE_TIME
    log Paused(by=msg.sender, until=self.paused_until)


@external
def unpause():
    """
    @notice End the pause; the guardian may pause again.
    """
    self._only_owner()
    self.paused_until = 0
    self.guardian_may_pause_at = 0
    log Unpaused(by=msg.sender)
