# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Caller: a requester that does in its callback whatever hurts most
@license MIT
"""

interface Link:
    def transferAndCall(to: address, amount: uint256, data: Bytes[5_000]) -> bool: nonpayable


link: address
oracle: address
again: Bytes[5_000]
gas_seen: public(uint256)
answers: public(uint256)
last: public(bytes32)
worked: public(bool)


@deploy
def __init__(link: address):
    self.link = link


@external
def ask(oracle: address, amount: uint256, data: Bytes[5_000]):
    self.oracle = oracle
    extcall Link(self.link).transferAndCall(oracle, amount, data)


@external
def remember(again: Bytes[5_000]):
    self.again = again


@external
def forward(to: address, data: Bytes[5_000]):
    raw_call(to, data)


@external
def takes(id: bytes32, word: bytes32):
    self.gas_seen = msg.gas
    self.answers += 1
    self.last = word


@external
def asks_again(id: bytes32, word: bytes32):
    self.answers += 1
    extcall Link(self.link).transferAndCall(self.oracle, 10**17, self.again)


@external
def calls_back(id: bytes32, word: bytes32):
    self.worked = raw_call(self.oracle, self.again, revert_on_failure=False)
    self.answers += 1
