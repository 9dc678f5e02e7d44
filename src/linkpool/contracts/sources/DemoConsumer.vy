# pragma version 0.4.3
# @license MIT
"""
@title A requester for dev chains
@notice Asks an oracle through `LINK.transferAndCall`, as any ChainlinkClient contract does, and keeps each value.
@dev Dev chains, tests and benches only: anyone may spend its LINK. `answers` counts callbacks per request, so
     that "answered once" can be read from the chain.
"""


interface Link:
    def transferAndCall(to: address, amount: uint256, data: Bytes[4708]) -> bool: nonpayable


event Asked:
    request_id: indexed(bytes32)
    oracle: indexed(address)


event Answered:
    request_id: indexed(bytes32)
    answer: uint256


link: public(immutable(address))
nonce: public(uint256)
latest: public(uint256)
answers: public(HashMap[bytes32, uint256])
values: public(HashMap[bytes32, uint256])
oracle_of: HashMap[bytes32, address]


@deploy
def __init__(link_token: address):
    link = link_token


@external
def ask(oracle: address, spec_id: bytes32, payment: uint256, data: Bytes[4096], times: uint256) -> bytes32:
    """
    @notice Send `times` equal requests, each paid `payment` juels; `data` is diet CBOR.
    @return The id of the last one: keccak256(packed(this contract, nonce)).
    """
    assert times > 0, "ask: times is 0"
    request_id: bytes32 = empty(bytes32)
    for _: uint256 in range(times, bound=1000):
        number: uint256 = self.nonce
        self.nonce = number + 1
        request_id = keccak256(concat(convert(self, bytes20), convert(number, bytes32)))
        self.oracle_of[request_id] = oracle
        log Asked(request_id=request_id, oracle=oracle)
        call_data: Bytes[4612] = abi_encode(
            empty(address),
            empty(uint256),
            spec_id,
            self,
            method_id("fulfill(bytes32,uint256)", output_type=bytes4),
            number,
            convert(1, uint256),
            data,
            method_id=method_id(
                "oracleRequest(address,uint256,bytes32,address,bytes4,uint256,uint256,bytes)"
            ),
        )
        extcall Link(link).transferAndCall(oracle, payment, call_data)
    return request_id


@external
def fulfill(request_id: bytes32, answer: uint256):
    """
    @notice The callback. Only the oracle that was asked may call it.
    """
    assert msg.sender == self.oracle_of[request_id], "fulfill: not the oracle that was asked"
    self.answers[request_id] += 1
    self.values[request_id] = answer
    self.latest = answer
    log Answered(request_id=request_id, answer=answer)
