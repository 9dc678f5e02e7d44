"""The waiting list: wallets that would stake if there were room, by signature and without a transaction.

The statement is EIP-712 typed data; domain name `LinkPool`, version `1`, the chain's id, the pool's address:

    Waiting(address wallet,uint256 amount,uint256 deadline,uint256 nonce)

amount in juels (0 takes the wallet off the list), deadline in Unix seconds, nonce higher than any before.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from linkpool.wire.api import Amount, Asked, View
from linkpool.wire.numbers import NoTruth

Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]
Uint = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,77})$")]


class Statement(Asked):
    """What a wallet signed. signature: 65 bytes of a key, or what an EIP-1271 contract wallet takes."""

    wallet: Address
    amount: Amount
    deadline: Annotated[int, Field(ge=0, le=2**40), NoTruth]
    nonce: Uint
    signature: Annotated[str, Field(pattern=r"^0x([0-9a-fA-F]{2}){1,2048}$")]


class WaitingEntry(View):
    """One wallet. counted: the part of `amount` that it has in LINK; room_since: since when there is room."""

    wallet: str
    amount: Amount
    counted: Amount
    state: Literal["waiting", "room"]
    room_since: datetime | None
    made_at: datetime
    expires_at: datetime


class WaitingDomain(View):
    """The EIP-712 domain to sign under."""

    name: str
    version: str
    chain_id: int
    verifying_contract: str


class WaitingList(View):
    """All of them in sum. waiting: juels that found no room yet; room: juels that nodes take now.

    minimum: juels of the smallest entry; longest_seconds: how far off a deadline may be.
    """

    wallets: int
    amount: Amount
    waiting: Amount
    room: Amount
    domain: WaitingDomain
    minimum: Amount
    longest_seconds: int
