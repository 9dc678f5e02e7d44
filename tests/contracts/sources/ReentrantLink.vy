# pragma version 0.4.3
# pragma evm-version cancun
"""
@title ReentrantLink: a LINK that calls somebody back in the middle of a transfer, and does whatever it is told
@license MIT
"""

balanceOf: public(HashMap[address, uint256])
target: address
call: Bytes[5_000]
armed: bool
tried: public(bool)
worked: public(bool)
returned: public(Bytes[128])


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount


@external
def act(to: address, data: Bytes[5_000]):
    raw_call(to, data)


@external
def plan(target: address, data: Bytes[5_000]):
    self.target = target
    self.call = data
    self.armed = True
    self.tried = False


@internal
def _move(sender: address, to: address, amount: uint256):
    self.balanceOf[sender] -= amount
    self.balanceOf[to] += amount
    if self.armed:
        self.armed = False
        self.tried = True
        self.worked, self.returned = raw_call(
            self.target, self.call, max_outsize=128, revert_on_failure=False
        )


@external
def transfer(to: address, amount: uint256) -> bool:
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    self._move(owner, to, amount)
    return True
