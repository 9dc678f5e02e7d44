"""What a fleet costs, by a price table that its operator keeps. A month is 30 days; money is in its currency.

What grows with replicas and requests is priced per hour, call and gigabyte; machines and fixed items cost the
same whatever they do, and are shared by replica-hours where a node's own costs are asked for.
"""

from collections.abc import Mapping
from decimal import Decimal

from linkpool.wire.money import PriceTable

MONTH_DAYS = 30
MONTH_HOURS = 24 * MONTH_DAYS
MILLION = 1_000_000


def replica_hour(table: PriceTable, engine: str) -> Decimal:
    """One replica for one hour on that engine: itself, its provider calls at rest, its traffic."""
    calls = _number(table.rpc.calls_per_replica_hour) / MILLION * Decimal(table.rpc.million_calls)
    prices = table.engines.get(engine)
    if prices is None:
        return calls
    traffic = _number(prices.gb_per_replica_month) / MONTH_HOURS * Decimal(prices.gb)
    return Decimal(prices.replica_hour) + traffic + calls


def request(table: PriceTable) -> Decimal:
    """The provider calls of one request."""
    return _number(table.rpc.calls_per_request) / MILLION * Decimal(table.rpc.million_calls)


def standing_day(table: PriceTable) -> Decimal:
    """One day of what costs the same whatever the fleet does: machines and fixed items."""
    machines = sum((one.machines * Decimal(one.machine_month) for one in table.engines.values()), Decimal(0))
    fixed = sum(map(Decimal, table.fixed.values()), Decimal(0))
    return (machines + fixed) / MONTH_DAYS


def moving(table: PriceTable, hours: Mapping[str, float], requests: int) -> Decimal:
    """So many replica-hours by engine, and so many requests."""
    by_engine = (_number(time) * replica_hour(table, engine) for engine, time in hours.items())
    return sum(by_engine, Decimal(0)) + requests * request(table)


def node_month(table: PriceTable, engine: str, replicas: int = 2) -> Decimal:
    """What one more node adds to a month, before its requests: machines that are there cost nothing more."""
    return replicas * MONTH_HOURS * replica_hour(table, engine)


def _number(value: float) -> Decimal:
    return Decimal(repr(value))
