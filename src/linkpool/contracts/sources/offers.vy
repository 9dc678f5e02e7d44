# pragma version 0.4.3
# pragma evm-version cancun
"""
@title offers: price and penalty of every job, once for all nodes
@license MIT
@notice The minimum payment should cover 450,000 gas. Above the base-fee ceiling a request has no cover.
@dev Threats: penalties for a job whose source a requester controls would be farmed, so only jobs whose sources the
     operator chooses may carry one. A bad offer, by mistake or by a stolen manager key, costs at most 1 % of a node's
     active stake a day (books._room), and the guardian's pause ends it.
"""

import authority

uses: authority


struct Offer:
    job: bytes32
    payment: uint256  # juels
    penalty: uint256  # juels, whole gwei-LINK
    base_fee_ceiling: uint256  # wei
    open: bool


event OfferChanged:
    job: indexed(bytes32)
    payment: uint256
    penalty: uint256
    base_fee_ceiling: uint256
    open: bool


UNIT: constant(uint256) = 10**9  # juels in a gwei-LINK
OPEN: constant(uint256) = 2**255

# job -> open | base-fee ceiling (64 bits) | penalty in gwei-LINK (64) | payment (96)
offers: HashMap[bytes32, uint256]


@external
def set_offer(offer: Offer):
    """
    @notice Open, change or close the offer of one job id. New requests follow it; made ones keep their terms.
    """
    authority._only_manager()
    assert offer.payment < 2**96, "Payment is too large"
    assert offer.penalty % UNIT == 0, "Penalty must be whole gwei-LINK"
    assert offer.penalty // UNIT < 2**64, "Penalty is too large"
    assert offer.base_fee_ceiling < 2**64, "Ceiling is too large"
    word: uint256 = offer.payment | ((offer.penalty // UNIT) << 96) | (offer.base_fee_ceiling << 160)
    self.offers[offer.job] = word | OPEN if offer.open else word
    log OfferChanged(
        job=offer.job,
        payment=offer.payment,
        penalty=offer.penalty,
        base_fee_ceiling=offer.base_fee_ceiling,
        open=offer.open,
    )


@internal
@view
def _offer(job: bytes32) -> Offer:
    word: uint256 = self.offers[job]
    return Offer(
        job=job,
        payment=word & (2**96 - 1),
        penalty=((word >> 96) & (2**64 - 1)) * UNIT,
        base_fee_ceiling=(word >> 160) & (2**64 - 1),
        open=word & OPEN != 0,
    )


@external
@view
def offer(job: bytes32) -> Offer:
    return self._offer(job)
