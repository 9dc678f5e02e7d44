"""The treasury and the pool's economics over HTTP.

    GET  /api/v1/treasury                      TreasuryView
    POST /api/v1/treasury/unfreeze/{sender}    -> AccountView
    GET  /api/v1/treasury/prices               PricesView
    PUT  /api/v1/treasury/prices               PriceTable -> PricesView
    GET  /api/v1/economics?days=30             EconomicsView

Coins are in wei, LINK in juels. **Money** is a decimal string in the price table's currency. A figure that
is not known, or would rest on too little, is null.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from linkpool.wire.api import Amount, Asked, View

Money = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?$", examples=["0.0135"])]
"""An amount that is never negative, in the price table's currency."""
Signed = Annotated[str, Field(pattern=r"^-?[0-9]{1,30}(\.[0-9]{1,9})?$", examples=["-12.5"])]
"""Money that may be negative: a result."""
Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9 _.-]{0,63}$")]


# --- the treasury -----------------------------------------------------------------------------------


class Frozen(View):
    """Nothing is sent there until somebody unfreezes it."""

    since: datetime
    why: str


class AccountView(View):
    """A key that the treasury keeps in gas. held: a replica uses it now (or it is the manager's); revoked: it
    is no sender any more, or is being removed on chain.

    day: wei sent there in the last 24 h of chain time; room: wei that may still be sent today; spent: wei
    that left it ever, as far as its balances tell.
    """

    address: str
    role: Literal["manager", "sender"]
    node: str | None
    slot: int | None
    held: bool
    balance: Amount
    day: Amount
    room: Amount
    spent: Amount
    frozen: Frozen | None
    revoked: bool


class Limits(View):
    """Wei that leave the treasury for gas in 24 h at most."""

    sender: Amount
    node: Amount
    pool: Amount


class MoveView(View):
    """A transaction of the treasury or a swept sender. cost: wei of gas; null while it is under way."""

    at: datetime
    purpose: str
    target: str
    value: Amount
    hash: str
    state: Literal["open", "landed", "failed"]
    cost: Amount | None


class TreasuryView(View):
    """What pays for gas. low, high: wei between which senders are kept; floor: wei below which offers close.

    day: wei sent for gas in the last 24 h of chain time. hold: why offers are kept closed. moves: newest
    first.
    """

    address: str
    balance: Amount | None
    low: Amount
    high: Amount
    floor: Amount | None
    limits: Limits
    day: Amount
    hold: str | None
    accounts: list[AccountView]
    moves: list[MoveView]


# --- prices -----------------------------------------------------------------------------------------


class EnginePrices(Asked):
    """What an engine costs. Machines are paid whether or not they are full: give how many there are.

    gb_per_replica_month: traffic of one replica, as measured or billed.
    """

    replica_hour: Money = "0"
    machine_month: Money = "0"
    machines: Annotated[int, Field(strict=True, ge=0, le=100_000)] = 0
    gb: Money = "0"
    gb_per_replica_month: Annotated[float, Field(strict=True, ge=0, le=1e9)] = 0.0


class RpcPrices(Asked):
    """What providers cost. calls_per_replica_hour: as `bench rpc` or the provider's bill says."""

    million_calls: Money = "0"
    calls_per_replica_hour: Annotated[float, Field(strict=True, ge=0, le=1e9)] = 0.0
    calls_per_request: Annotated[float, Field(strict=True, ge=0, le=1e6)] = 6.0


class PriceTable(Asked):
    """The price table, in place of the one before. fixed: money per month by what it is for."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3,5}$")] = "USD"
    engines: dict[Name, EnginePrices] = Field(default_factory=dict, max_length=32)
    rpc: RpcPrices = RpcPrices()
    fixed: dict[Name, Money] = Field(default_factory=dict, max_length=64)


class PricesView(View):
    """The price table in force. set_at: null for the one LinkPool brings, in which everything is free."""

    prices: PriceTable
    set_at: datetime | None


# --- economics --------------------------------------------------------------------------------------


class Rate(View):
    """The price last noted. source: the feed's address, or "setting"."""

    value: str
    source: str


class Account(View):
    """Income against costs over some time. Wei and juels are exact; money needs both prices and a table.

    fee: maker fee accrued; gas: paid by senders, manager and treasury; fleet: replicas, machines, providers
    and all fixed costs; result = fee - gas - fleet.
    """

    fee_juels: Amount
    gas_wei: Amount
    replica_hours: float
    requests: int
    answered: int
    missed: int
    penalties: Amount
    fee: Money | None
    gas: Money | None
    fleet: Money | None
    result: Signed | None


class DayAccount(Account):
    """One UTC day."""

    day: datetime


class Month(View):
    """Thirty days at the pace of the time looked at. Null: less than a day of data, or no prices."""

    fee: Money | None
    gas: Money | None
    fleet: Money | None
    result: Signed | None


class BreakEven(View):
    """What would make the fee cover the fleet, all else as it was. Null: not enough data, or never.

    stake: juels of active stake, if income grows with it; requests_per_day; fee_bps: 10,000 is all income.
    """

    stake: Amount | None
    requests_per_day: float | None
    fee_bps: int | None


class NodeAccount(View):
    """One node over the time, per month, and where it would break even."""

    node: str
    stake: Amount
    account: Account
    month: Month
    break_even: BreakEven


class EconomicsView(View):
    """Does the fee pay for the fleet? since, days: the time looked at, which begins with the first record.

    covered: whether it does; null: not enough data. link_price: wei per LINK; coin_price: money per coin.
    """

    since: datetime | None
    days: float
    enough: bool
    covered: bool | None
    currency: str
    link_price: Rate | None
    coin_price: Rate | None
    fee_bps: int
    account: Account
    month: Month
    break_even: BreakEven
    by_day: list[DayAccount]
    nodes: list[NodeAccount]
