"""What a simulated pool is like. `docs/economics.md` says where each default comes from."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from linkpool.errors import Permanent


class BadAssumptions(Permanent):
    """They cannot be simulated; the text names the field."""


class Assumptions(BaseModel):
    """Every mean time to failure and to repair is that of an exponential distribution."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nodes: int = Field(10, ge=1, le=10_000, description="Nodes of the pool, each of two replicas.")
    days: float = Field(365.0, gt=0, le=3_660, description="How long it is simulated.")

    requests_per_node_day: float = Field(50.0, ge=0, le=1e8, description="Mean requests to a node in a day.")
    daily_swing: float = Field(0.5, ge=0, le=1, description="How far a day's peak is above its mean, 0 to 1.")
    payment: float = Field(0.1, ge=0, description="LINK for an answer.")
    penalty: float = Field(0.5, ge=0, description="LINK of cover behind a request.")
    stake_per_node: float = Field(10_000.0, ge=0, description="LINK of active stake of a node.")
    fee_bps: int = Field(1_000, ge=0, le=10_000, description="Maker fee in basis points.")

    replica_mtbf_days: float = Field(30.0, gt=0, description="Of one replica's process.")
    replica_repair_seconds: float = Field(3.0, gt=0, description="Until its replacement serves.")
    node_mtbf_days: float = Field(
        365.0, gt=0, description="Of both replicas of a node at once: a poisonous request, a bad move."
    )
    node_repair_seconds: float = Field(20.0, gt=0, description="Until one of them serves again.")
    replicas_per_machine: int = Field(
        40, ge=1, description="Full machines; there are as few as hold them all."
    )
    machine_mtbf_days: float = Field(365.0, gt=0, description="Of one machine.")
    machine_repair_seconds: float = Field(30.0, gt=0, description="Until its replicas serve elsewhere.")
    zones: int = Field(2, ge=1, le=16, description="Zones that machines are spread over.")
    zone_mtbf_days: float = Field(730.0, gt=0, description="Of one zone.")
    zone_repair_seconds: float = Field(120.0, gt=0, description="Until its replicas serve elsewhere.")
    rpc_mtbf_days: float = Field(180.0, gt=0, description="Of all endpoints of the pool at once.")
    rpc_repair_seconds: float = Field(300.0, gt=0, description="Until one of them is good again.")

    answer_gas: int = Field(75_000, gt=0, description="Gas of one answer, callback included.")
    overhead_gas_per_day: float = Field(
        500_000.0, ge=0, description="Gas of a node's day besides: top-ups, harvests, tickets."
    )
    gas_gwei: float = Field(0.5, gt=0, description="Gas price at the beginning, and that it returns to.")
    gas_volatility: float = Field(0.6, ge=0, le=5, description="Of its logarithm, in a day.")
    gas_reversion: float = Field(0.3, ge=0, le=24, description="Part of the way back to the mean in a day.")
    cap_gwei: float = Field(200.0, gt=0, description="What replicas pay at most.")
    link_coin: float = Field(0.005, gt=0, description="Coin per LINK at the beginning.")
    link_volatility: float = Field(0.04, ge=0, le=1, description="Of its logarithm, in a day.")
    coin_money: float = Field(3_000.0, gt=0, description="Money per coin at the beginning.")
    coin_volatility: float = Field(0.03, ge=0, le=1, description="Of its logarithm, in a day.")

    replica_month: float = Field(4.0, ge=0, description="Money for one replica in 30 days.")
    pool_month: float = Field(150.0, ge=0, description="Money for all that is there once, in 30 days.")
    request_money: float = Field(0.00001, ge=0, description="Money for the provider calls of one request.")

    @classmethod
    def read(cls, file: Path | None, changes: Mapping[str, Any]) -> "Assumptions":
        """From a TOML file and changes to it. Raises BadAssumptions."""
        try:
            values = tomllib.loads(file.read_text()) if file else {}
            return cls.model_validate(values | dict(changes))
        except OSError as error:
            raise BadAssumptions(f"cannot read {file}: {error.strerror}") from error
        except tomllib.TOMLDecodeError as error:
            raise BadAssumptions(f"{file} is not TOML: {error}") from error
        except ValidationError as error:
            first = error.errors()[0]
            raise BadAssumptions(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error

    @property
    def machines(self) -> int:
        """As few as hold all replicas, and as many in every zone."""
        needed = -(-2 * self.nodes // self.replicas_per_machine)
        return -(-needed // self.zones) * self.zones
