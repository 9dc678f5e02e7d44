"""What the treasury must remember: the accounts it watches, what each day cost, and the price table."""

from typing import Any

from sqlalchemy import BigInteger, Float, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from linkpool.store.prose import Prose
from linkpool.store.tables import Base


class AccountRow(Base):
    """An address that pays for gas, as last seen, written when something about it changed.

    At `block` it held `balance` (wei) and had sent `nonce` transactions; `spent` is all the wei that left
    it while it was watched. Nothing is sent to a frozen one.
    """

    __tablename__ = "accounts"
    address: Mapped[str] = mapped_column(String(42), primary_key=True)
    block: Mapped[int] = mapped_column(BigInteger)
    balance: Mapped[str] = mapped_column(String(78))
    nonce: Mapped[int] = mapped_column(BigInteger)
    spent: Mapped[str] = mapped_column(String(78))
    frozen_at: Mapped[float | None] = mapped_column(Float)
    frozen_why: Mapped[str | None] = mapped_column(Prose)


class LedgerRow(Base):
    """What one UTC day took for one node on one engine; node 0 is the pool itself. gas: wei.

    begun_at: Unix seconds of the day's first entry.
    """

    __tablename__ = "ledger"
    day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """Days since 1970."""
    node: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    engine: Mapped[str] = mapped_column(String(64), primary_key=True)
    begun_at: Mapped[float] = mapped_column(Float)
    replica_seconds: Mapped[float] = mapped_column(Float)
    gas: Mapped[str] = mapped_column(String(78))


class DayRateRow(Base):
    """The last prices known on a UTC day. link_price: wei per LINK; coin_price: money per coin."""

    __tablename__ = "day_rates"
    day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    link_price: Mapped[str | None] = mapped_column(String(78))
    coin_price: Mapped[str | None] = mapped_column(String(40))


class PricesRow(Base):
    """The price table: one row, once somebody has set it."""

    __tablename__ = "prices"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    document: Mapped[dict[str, Any]]
    set_at: Mapped[float] = mapped_column(Float)
