# pragma version 0.4.3
# pragma evm-version cancun
"""
@title DevLink: an ERC-677 token for dev chains, in place of LINK
@license MIT
@notice Behaves as LINK does where the pool can see it. Anyone may mint: never use it where value is.
"""

interface Receiver:
    def onTokenTransfer(sender: address, amount: uint256, data: Bytes[MAX_DATA]): nonpayable


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256


event TransferAndCall:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256
    data: Bytes[MAX_DATA]


event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256


MAX_DATA: constant(uint256) = 8_192

name: public(constant(String[16])) = "Dev ChainLink"
symbol: public(constant(String[4])) = "LINK"
decimals: public(constant(uint8)) = 18

totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@external
def mint(to: address, amount: uint256):
    """
    @notice LINK from nothing, for anyone.
    """
    self.totalSupply += amount
    self.balanceOf[to] += amount
    log Transfer(sender=empty(address), receiver=to, value=amount)


@internal
def _transfer(sender: address, to: address, amount: uint256):
    assert to not in [empty(address), self], "Not a valid recipient"
    self.balanceOf[sender] -= amount
    self.balanceOf[to] += amount
    log Transfer(sender=sender, receiver=to, value=amount)


@external
def transfer(to: address, amount: uint256) -> bool:
    self._transfer(msg.sender, to, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    self.allowance[owner][msg.sender] -= amount
    self._transfer(owner, to, amount)
    return True


@external
def transferAndCall(to: address, amount: uint256, data: Bytes[MAX_DATA]) -> bool:
    self._transfer(msg.sender, to, amount)
    log TransferAndCall(sender=msg.sender, receiver=to, value=amount, data=data)
    if to.is_contract:
        extcall Receiver(to).onTokenTransfer(msg.sender, amount, data)
    return True
