"""What the stack costs in a month of 30 days, with so many nodes of two replicas; and the price table of it.

Machines are whole, and as many in both zones. What providers of the chain charge is no part of it: the price
table's `rpc` has that (docs/economics.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from linkpool.aws.alarms import WATCHES
from linkpool.aws.network import ZONES
from linkpool.aws.prices import AwsPrices
from linkpool.aws.secrets import FILLED_BY_HAND, MADE
from linkpool.economics.costs import MONTH_HOURS
from linkpool.wire.money import EnginePrices, PriceTable

Launch = Literal["ec2", "fargate"]
LAUNCHES: tuple[Launch, ...] = ("ec2", "fargate")
CONTROL_VCPU, CONTROL_GIB = 1, 2
_PUBLIC_ADDRESSES = 2 * len(ZONES)
"""Of the NAT gateways, and of the load balancer."""


@dataclass(frozen=True)
class Bill:
    """Money of one month, by what it is for."""

    nodes: int
    launch: Launch
    items: Mapping[str, Decimal]

    @property
    def total(self) -> Decimal:
        """All of it."""
        return sum(self.items.values(), Decimal(0))

    @property
    def per_node(self) -> Decimal:
        """A node's share."""
        return self.total / self.nodes


def bill(prices: AwsPrices, nodes: int, launch: Launch) -> Bill:
    """A month of so many nodes, on machines or on Fargate, behind NAT gateways."""
    replicas = 2 * nodes
    running = _machines(prices, replicas) if launch == "ec2" else replicas * _fargate_replica(prices)
    secrets = nodes * prices.secret_month
    traffic = replicas * _traffic_month(prices)
    logs = replicas * _logs_month(prices)
    return Bill(
        nodes,
        launch,
        {"replicas": running, "group tokens": secrets} | _some(traffic, logs) | standing(prices),
    )


def standing(prices: AwsPrices) -> dict[str, Decimal]:
    """What is there once, however many nodes there are."""
    hour = {
        "control planes": 2 * (CONTROL_VCPU * prices.vcpu_hour + CONTROL_GIB * prices.gib_hour),
        "database": prices.database_hour,
        "NAT gateways": len(ZONES) * prices.nat_hour,
        "public addresses": _PUBLIC_ADDRESSES * prices.address_hour,
        "load balancer": prices.balancer_hour + prices.balancer_unit_hour,
    }
    month = {name: MONTH_HOURS * price for name, price in hour.items()}
    month["database"] += 2 * prices.database_size * prices.database_gb
    secrets = len(FILLED_BY_HAND) + len(MADE)
    month["key and secrets"] = prices.key_month + secrets * prices.secret_month
    if prices.alarm_month is not None:
        month["alarms"] = len(WATCHES) * prices.alarm_month
    return month


def price_table(prices: AwsPrices) -> PriceTable:
    """For `linkpool treasury prices set`: both engines by the replica-hour, machines taken as full.

    A node's group token is in its replicas' hours. The table's `rpc` is left as it is by default.
    """
    token = prices.secret_month / 2 / MONTH_HOURS
    logs = _logs_month(prices) / MONTH_HOURS
    hours = {
        "ecs-ec2": _machine_month(prices) / MONTH_HOURS / prices.machine_tasks,
        "ecs-fargate": _fargate_replica(prices) / MONTH_HOURS,
    }
    gigabytes = (prices.gb_out_per_replica or Decimal(0)) + (prices.gb_in_per_replica or Decimal(0))
    gb = _traffic_month(prices) / gigabytes if gigabytes else Decimal(0)
    engines = {
        name: EnginePrices(
            replica_hour=_money(hour + token + logs), gb=_money(gb), gb_per_replica_month=float(gigabytes)
        )
        for name, hour in hours.items()
    }
    return PriceTable(engines=engines, fixed={name: _money(each) for name, each in standing(prices).items()})


def _machines(prices: AwsPrices, replicas: int) -> Decimal:
    needed = -(-replicas // prices.machine_tasks)
    whole = -(-needed // len(ZONES)) * len(ZONES)
    return whole * _machine_month(prices)


def _machine_month(prices: AwsPrices) -> Decimal:
    return MONTH_HOURS * prices.machine_hour + prices.volume_size * prices.volume_gb


def _fargate_replica(prices: AwsPrices) -> Decimal:
    return MONTH_HOURS * (prices.replica_vcpu * prices.vcpu_hour + prices.replica_gib * prices.gib_hour)


def _traffic_month(prices: AwsPrices) -> Decimal:
    """What one replica says goes through a NAT gateway and out; what it hears through the gateway alone."""
    out, heard = prices.gb_out_per_replica or Decimal(0), prices.gb_in_per_replica or Decimal(0)
    return out * (prices.nat_gb + prices.outward_gb) + heard * prices.nat_gb


def _logs_month(prices: AwsPrices) -> Decimal:
    return (prices.log_gb or Decimal(0)) * (prices.log_gb_per_replica or Decimal(0))


def _some(traffic: Decimal, logs: Decimal) -> dict[str, Decimal]:
    return {name: each for name, each in {"traffic": traffic, "logs": logs}.items() if each}


def _money(value: Decimal) -> str:
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return text or "0"
