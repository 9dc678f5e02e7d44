# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title NodeOracle: what a requester calls, one per node
@license MIT
@notice Speaks Chainlink's Operator protocol and adds a cover to each request: a penalty out of the node's stake, paid to
        the requester when the window ends with neither an answer nor a rejection.
@dev Deployed as a minimal proxy by StakingPool.register (CREATE2, salt = wallet). `LINK` and `POOL` are immutables of
     the one implementation that the pool makes in its constructor.

     Threats and their rules (docs/contracts.md, "Threats", names the test of each):
     - Callbacks are hostile: they revert, re-enter, ask again, return half a megabyte, eat all gas. Every effect is
       written and logged before a callback, no return data is copied, and nothing that matters follows it. There is no
       lock, because asking again in a callback is honest use.
     - A requester farms penalties: cover comes out of the room that StakingPool.terms counts (1 % of the active stake
       a day, reserves included), a foreign callback address is refused, a claim ends a day after expiration.
     - A node rejects instead of answering: only in the first half of the window, in public, refundable at once.
     - A stolen sender answers wrongly or rejects: it cannot move LINK anywhere but to the node's income, nor change
       senders. Guardian or manager removes it.
     - A batch starved of gas: an answer is begun only with gas for its callback and its effects, so a relayer of our
       own transaction cannot make callbacks fail by giving less.
     - Escrow never pays anything but requests: `harvest` moves `earned`, which only an answer raises, and donations
       are in no book.
"""

interface Link:
    def transfer(to: address, amount: uint256) -> bool: nonpayable


interface Pool:
    def terms(node: address, job: bytes32, reserves: uint256) -> (uint256, uint256): view
    def penalize(request_id: bytes32, requester: address, amount: uint256): nonpayable


struct Answer:
    requestId: bytes32
    payment: uint256
    callbackAddress: address
    callbackFunctionId: bytes4
    expiration: uint256
    data: Bytes[512]


# Operator's events: same names, same topics
event OracleRequest:
    specId: indexed(bytes32)
    requester: address
    requestId: bytes32
    payment: uint256
    callbackAddr: address
    callbackFunctionId: bytes4
    cancelExpiration: uint256
    dataVersion: uint256
    data: Bytes[MAX_CALL]


event CancelOracleRequest:
    requestId: indexed(bytes32)


event OracleResponse:
    requestId: indexed(bytes32)


# Ours. Penalties are juels.
event Covered:
    requestId: indexed(bytes32)
    penalty: uint256


event Rejected:
    requestId: indexed(bytes32)
    reason: uint8


event Lapsed:
    requestId: indexed(bytes32)


EXPIRYTIME: public(constant(uint256)) = 300
CLAIM_TIME: public(constant(uint256)) = 86_400
GIGA: constant(uint256) = 10**9

MAX_DATA: constant(uint256) = 4_096
MAX_CALL: constant(uint256) = 4_800  # a whole request call; above MAX_DATA so that a long one is told why
MAX_ANSWER: constant(uint256) = 2_048
MAX_BATCH: constant(uint256) = 32
CONSUMER_GAS: constant(uint256) = 400_000
# Gas an answer of a batch needs before it begins: 420,000 at its callback (63/64 of it is over 400,000), its own
# effects, and the payment of a penalty when it is late. Tested at the edge in tests/contracts/test_answers.py.
ANSWER_GAS: constant(uint256) = 440_000
PENALTY_GAS: constant(uint256) = 100_000

# One word: escrow, earned, reserves, accepting, rejections
ESCROW: constant(uint256) = 2**88 - 1  # juels
EARNED_AT: constant(uint256) = 88
EARNED: constant(uint256) = 2**96 - 1  # juels
RESERVES_AT: constant(uint256) = 184
RESERVES: constant(uint256) = 2**48 - 1  # gwei-LINK
ACCEPTING: constant(uint256) = 2**232
REJECTION: constant(uint256) = 2**233
REJECTIONS_AT: constant(uint256) = 233

# A commitment is one word: 23 bytes of hash, 8 bytes of penalty in gwei-LINK, 1 byte of data version and REJECTED
HASH: constant(uint256) = max_value(uint256) - (2**72 - 1)
COVER: constant(uint256) = 2**64 - 1
COVER_AT: constant(uint256) = 8
VERSION: constant(uint256) = 127
REJECTED: constant(uint256) = 128

ORACLE_REQUEST: constant(bytes4) = 0x40429946
OPERATOR_REQUEST: constant(bytes4) = 0x3c6d41b9

LINK: immutable(address)
POOL: immutable(address)

state: uint256
harvested: public(uint256)
commitments: public(HashMap[bytes32, uint256])
authorized: HashMap[address, bool]


@deploy
def __init__(link: address):
    LINK = link
    POOL = msg.sender


# --- requests -------------------------------------------------------------------------------------


@external
def onTokenTransfer(sender: address, amount: uint256, data: Bytes[MAX_CALL]):
    """
    @notice A request, by LINK.transferAndCall. The data is a call of oracleRequest or operatorRequest; its first two
            words are ignored, sender and amount are what LINK says.
    """
    assert msg.sender == LINK, "Must use LINK token"
    assert len(data) >= 68, "Invalid request length"
    selector: bytes4 = convert(slice(data, 0, 4), bytes4)
    at: uint256 = 100  # of the callback function id: after selector, sender, payment and job
    if selector == ORACLE_REQUEST:
        at = 132
        assert extract32(data, 100) == convert(sender, bytes32), "Callback address must be the requester"
    else:
        assert selector == OPERATOR_REQUEST, "Must use whitelisted functions"
    function_id: bytes32 = extract32(data, at)
    assert convert(function_id, uint256) << 32 == 0, "Callback function id must be 4 bytes"
    start: uint256 = 4 + extract32(data, at + 96, output_type=uint256)
    self._request(
        sender,
        amount,
        extract32(data, 68),
        convert(slice(function_id, 0, 4), bytes4),
        extract32(data, at + 32, output_type=uint256),
        extract32(data, at + 64, output_type=uint256),
        slice(data, start + 32, extract32(data, start, output_type=uint256)),
    )


@external
def oracleRequest(
    sender: address,
    payment: uint256,
    specId: bytes32,
    callbackAddress: address,
    callbackFunctionId: bytes4,
    nonce: uint256,
    dataVersion: uint256,
    data: Bytes[MAX_DATA],
):
    """
    @notice Part of the protocol, for LINK alone: requests come through onTokenTransfer.
    """
    assert msg.sender == LINK, "Must use LINK token"
    assert callbackAddress == sender, "Callback address must be the requester"
    self._request(sender, payment, specId, callbackFunctionId, nonce, dataVersion, data)


@external
def operatorRequest(
    sender: address,
    payment: uint256,
    specId: bytes32,
    callbackFunctionId: bytes4,
    nonce: uint256,
    dataVersion: uint256,
    data: Bytes[MAX_DATA],
):
    """
    @notice Part of the protocol, for LINK alone: requests come through onTokenTransfer.
    """
    assert msg.sender == LINK, "Must use LINK token"
    self._request(sender, payment, specId, callbackFunctionId, nonce, dataVersion, data)


@internal
def _request(
    requester: address,
    payment: uint256,
    job: bytes32,
    function_id: bytes4,
    nonce: uint256,
    version: uint256,
    data: Bytes[MAX_CALL],
):
    state: uint256 = self.state
    assert state & ACCEPTING != 0, "Node takes no requests"
    assert version <= 2, "Data version above 2"
    assert len(data) <= MAX_DATA, "Request data above 4096 bytes"
    minimum: uint256 = 0
    cover: uint256 = 0
    minimum, cover = staticcall Pool(POOL).terms(self, job, (state >> RESERVES_AT) & RESERVES)
    assert payment >= minimum, "Payment below the offer"
    assert (state & ESCROW) + payment <= ESCROW, "Escrow is full"

    request_id: bytes32 = keccak256(concat(convert(requester, bytes20), convert(nonce, bytes32)))
    assert self.commitments[request_id] == 0, "Must use a unique ID"
    expiration: uint256 = block.timestamp + EXPIRYTIME
    self.commitments[request_id] = (
        self._hash(payment, requester, function_id, expiration) | (cover << COVER_AT) | version
    )
    self.state = state + payment + (cover << RESERVES_AT)
    log OracleRequest(
        specId=job,
        requester=requester,
        requestId=request_id,
        payment=payment,
        callbackAddr=requester,
        callbackFunctionId=function_id,
        cancelExpiration=expiration,
        dataVersion=version,
        data=data,
    )
    if cover != 0:
        log Covered(requestId=request_id, penalty=cover * GIGA)


# --- answers --------------------------------------------------------------------------------------


@external
def fulfillOracleRequest(
    requestId: bytes32,
    payment: uint256,
    callbackAddress: address,
    callbackFunctionId: bytes4,
    expiration: uint256,
    data: bytes32,
) -> bool:
    """
    @notice Answer a request of data version 0 or 1 with one word.
    @return Whether the callback succeeded; the node is paid either way.
    """
    self._answer(requestId, payment, callbackAddress, callbackFunctionId, expiration, 1)
    return raw_call(
        callbackAddress, concat(callbackFunctionId, requestId, data), max_outsize=0, revert_on_failure=False
    )


@external
def fulfillOracleRequest2(
    requestId: bytes32,
    payment: uint256,
    callbackAddress: address,
    callbackFunctionId: bytes4,
    expiration: uint256,
    data: Bytes[MAX_ANSWER],
) -> bool:
    """
    @notice Answer any request with the words its callback takes; the first is the request id.
    @return Whether the callback succeeded; the node is paid either way.
    """
    assert len(data) >= 32, "Response must be > 32 bytes"
    assert extract32(data, 0) == requestId, "First word must be requestId"
    self._answer(requestId, payment, callbackAddress, callbackFunctionId, expiration, 2)
    return raw_call(
        callbackAddress, concat(callbackFunctionId, data), max_outsize=0, revert_on_failure=False
    )


@internal
def _answer(
    request_id: bytes32,
    payment: uint256,
    requester: address,
    function_id: bytes4,
    expiration: uint256,
    max_version: uint256,
):
    assert self.authorized[msg.sender], "Not authorized sender"
    commitment: uint256 = self.commitments[request_id]
    assert commitment != 0, "Must have a valid requestId"
    assert commitment & HASH == self._hash(
        payment, requester, function_id, expiration
    ), "Params do not match request ID"
    assert commitment & VERSION <= max_version, "Data versions must match"
    self._pay(request_id, commitment, payment, requester, expiration)
    assert msg.gas >= CONSUMER_GAS, "Must provide consumer enough gas"


@external
def fulfill_many(answers: DynArray[Answer, MAX_BATCH]) -> uint256:
    """
    @notice Answer up to 32 requests, each as fulfillOracleRequest2 does. One that is unknown, answered or wrong is
            skipped. Each callback gets exactly 400,000 gas.
    @dev Give it 100,000 gas and 450,000 for each answer; never an estimate.
    @return How many were looked at: fewer than given when gas would not do for the next.
    """
    assert self.authorized[msg.sender], "Not authorized sender"
    done: uint256 = 0
    for answer: Answer in answers:
        commitment: uint256 = self.commitments[answer.requestId]
        needed: uint256 = ANSWER_GAS
        if (commitment >> COVER_AT) & COVER != 0 and block.timestamp >= answer.expiration:
            needed += PENALTY_GAS
        if msg.gas < needed:
            break
        done += 1
        if commitment == 0 or len(answer.data) < 32 or extract32(answer.data, 0) != answer.requestId:
            continue
        if commitment & HASH != self._hash(
            answer.payment, answer.callbackAddress, answer.callbackFunctionId, answer.expiration
        ):
            continue
        self._pay(answer.requestId, commitment, answer.payment, answer.callbackAddress, answer.expiration)
        ok: bool = raw_call(
            answer.callbackAddress,
            concat(answer.callbackFunctionId, answer.data),
            max_outsize=0,
            gas=CONSUMER_GAS,
            revert_on_failure=False,
        )
    return done


@internal
def _pay(request_id: bytes32, commitment: uint256, payment: uint256, requester: address, expiration: uint256):
    # Ends an answered request: its payment becomes income, and a late answer still costs its cover.
    self.commitments[request_id] = 0
    state: uint256 = self.state
    cover: uint256 = (commitment >> COVER_AT) & COVER
    assert state & ESCROW >= payment, "Escrow is short"
    assert (state >> EARNED_AT) & EARNED <= EARNED - payment, "Income is full"
    self.state = state - payment + (payment << EARNED_AT) - (cover << RESERVES_AT)
    log OracleResponse(requestId=request_id)
    if cover != 0 and block.timestamp >= expiration:
        self._penalize(request_id, cover, requester, expiration)


# --- requests that were not answered --------------------------------------------------------------


@external
def cancelOracleRequest(requestId: bytes32, payment: uint256, callbackFunc: bytes4, expiration: uint256):
    """
    @notice Take the payment back once expired or rejected, and the cover too within a day of expiration.
    """
    self._cancel(requestId, payment, callbackFunc, expiration)


@external
def cancelOracleRequestByRequester(
    nonce: uint256, payment: uint256, callbackFunc: bytes4, expiration: uint256
):
    """
    @notice The same by the nonce of the request.
    """
    request_id: bytes32 = keccak256(concat(convert(msg.sender, bytes20), convert(nonce, bytes32)))
    self._cancel(request_id, payment, callbackFunc, expiration)


@internal
def _cancel(request_id: bytes32, payment: uint256, function_id: bytes4, expiration: uint256):
    commitment: uint256 = self._open(request_id, payment, msg.sender, function_id, expiration)
    assert commitment & REJECTED != 0 or expiration <= block.timestamp, "Request is not expired"
    self.state = self._release(request_id, commitment, payment, 0)
    log CancelOracleRequest(requestId=request_id)
    self._penalize(request_id, (commitment >> COVER_AT) & COVER, msg.sender, expiration)
    assert extcall Link(LINK).transfer(msg.sender, payment)


@external
def reject(
    requestId: bytes32,
    payment: uint256,
    callbackAddress: address,
    callbackFunctionId: bytes4,
    expiration: uint256,
    reason: uint8,
):
    """
    @notice The node cannot answer this. Ends the cover, and lets the requester cancel at once; an answer is still good.
            Only in the first half of the window.
    @param reason 0 unknown job, 1 bad parameters, 2 source failed, 3 source refused, 4 unprofitable, 5 poisoned
    """
    assert self.authorized[msg.sender], "Not authorized sender"
    commitment: uint256 = self._open(requestId, payment, callbackAddress, callbackFunctionId, expiration)
    assert commitment & REJECTED == 0, "Already rejected"
    assert block.timestamp + EXPIRYTIME // 2 < expiration, "Too late to reject"
    rest: uint256 = (commitment & (HASH | VERSION)) | REJECTED
    state: uint256 = self._release(requestId, commitment, 0, rest)
    if (state >> REJECTIONS_AT) < 2**23 - 1:
        state += REJECTION
    self.state = state
    log Rejected(requestId=requestId, reason=reason)


@external
def lapse(
    requestId: bytes32,
    payment: uint256,
    callbackAddress: address,
    callbackFunctionId: bytes4,
    expiration: uint256,
):
    """
    @notice Free the cover of a request that was left a day past its expiration. Anyone may; the refund stays.
    """
    commitment: uint256 = self._open(requestId, payment, callbackAddress, callbackFunctionId, expiration)
    assert (commitment >> COVER_AT) & COVER != 0, "Nothing to lapse"
    assert block.timestamp >= expiration + CLAIM_TIME, "Cover can still be claimed"
    self.state = self._release(requestId, commitment, 0, commitment & (HASH | VERSION | REJECTED))
    log Lapsed(requestId=requestId)


# --- shared ---------------------------------------------------------------------------------------


@internal
@view
def _open(
    request_id: bytes32, payment: uint256, requester: address, function_id: bytes4, expiration: uint256
) -> uint256:
    # The commitment of an open request, zero never matches: its hash part would have to be a hash of zeros.
    commitment: uint256 = self.commitments[request_id]
    assert commitment & HASH == self._hash(
        payment, requester, function_id, expiration
    ), "Params do not match request ID"
    return commitment


@internal
@pure
def _hash(payment: uint256, requester: address, function_id: bytes4, expiration: uint256) -> uint256:
    return convert(keccak256(abi_encode(payment, requester, function_id, expiration)), uint256) & HASH


@internal
def _release(request_id: bytes32, commitment: uint256, payment: uint256, rest: uint256) -> uint256:
    # Leaves `rest` of a commitment; returns the state word less its payment and its reserve, for the caller to store.
    self.commitments[request_id] = rest
    state: uint256 = self.state
    cover: uint256 = (commitment >> COVER_AT) & COVER
    assert state & ESCROW >= payment, "Escrow is short"
    return state - payment - (cover << RESERVES_AT)


@internal
def _penalize(request_id: bytes32, cover: uint256, requester: address, expiration: uint256):
    # Expiry earns the cover, for a day. (A request cancelled before it expires was rejected: its cover is zero.)
    if cover != 0 and block.timestamp < expiration + CLAIM_TIME:
        extcall Pool(POOL).penalize(request_id, requester, cover * GIGA)


# --- for the pool ---------------------------------------------------------------------------------


@external
def initialize(senders: DynArray[address, 6]):
    """
    @notice Once, in the transaction that deploys the node.
    """
    assert msg.sender == POOL, "Pool only"
    self.state = ACCEPTING
    for sender: address in senders:
        self.authorized[sender] = True


@external
def set_sender(sender: address, allowed: bool):
    """
    @notice Authorize a sender or end its authority.
    """
    assert msg.sender == POOL, "Pool only"
    self.authorized[sender] = allowed


@external
def set_accepting(accepting: bool):
    """
    @notice Take new requests or not. Answers, rejections and cancels never stop.
    """
    assert msg.sender == POOL, "Pool only"
    state: uint256 = self.state & ~ACCEPTING
    self.state = state | ACCEPTING if accepting else state


@external
def harvest() -> uint256:
    """
    @notice Move the income that is still here to the pool.
    @return juels moved
    """
    assert msg.sender == POOL, "Pool only"
    earned: uint256 = (self.state >> EARNED_AT) & EARNED
    amount: uint256 = earned - self.harvested
    if amount != 0:
        self.harvested = earned
        assert extcall Link(LINK).transfer(POOL, amount)
    return amount


# --- views ----------------------------------------------------------------------------------------


@external
@view
def getChainlinkToken() -> address:
    return LINK


@external
@view
def pool() -> address:
    return POOL


@external
@view
def isAuthorizedSender(sender: address) -> bool:
    return self.authorized[sender]


@external
@view
def accepting() -> bool:
    return self.state & ACCEPTING != 0


@external
@view
def escrow() -> uint256:
    """
    @return juels paid in for requests that are neither answered nor cancelled
    """
    return self.state & ESCROW


@external
@view
def earned() -> uint256:
    """
    @return juels ever paid for answers; never falls
    """
    return (self.state >> EARNED_AT) & EARNED


@external
@view
def reserves() -> uint256:
    """
    @return juels of stake that back open requests
    """
    return ((self.state >> RESERVES_AT) & RESERVES) * GIGA


@external
@view
def rejections() -> uint256:
    """
    @return requests this node ever rejected; stays at 8,388,607 once there
    """
    return self.state >> REJECTIONS_AT
