"""What AWS charges: list prices of us-east-1 in USD, read in 2026 from others' tables, not from AWS itself.

A price is the operator's input; these are defaults, each with where it was read. What could not be found has
no default, costs nothing until it is given, and is named whenever a bill is shown.
"""

import tomllib
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from linkpool.errors import Permanent


class BadAwsPrices(Permanent):
    """A file of prices cannot be used; the text names the field."""


def _price(default: str, what: str, source: str, read: str) -> Decimal:
    found: Decimal = Field(
        Decimal(default), ge=0, description=what, json_schema_extra={"source": source, "read": read}
    )
    return found


def _unknown(what: str) -> Decimal | None:
    found: Decimal | None = Field(None, ge=0, description=what)
    return found


class AwsPrices(BaseModel):
    """Money per hour, gigabyte or month. A field that is None was not found, and is left out of a bill."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vcpu_hour: Decimal = _price("0.04048", "A core of Fargate (x86).", "vantage.sh, cloudburn.io", "2026-03")
    gib_hour: Decimal = _price("0.004445", "A GiB of Fargate.", "vantage.sh, cloudburn.io", "2026-03")
    machine_hour: Decimal = _price("0.192", "A machine: m6i.xlarge, on demand.", "c3x.dev", "2026")
    volume_gb: Decimal = _price("0.08", "A GB of its root volume (gp3), a month.", "cloudburn.io", "2026")
    database_hour: Decimal = _price("0.130", "db.t4g.medium over two zones.", "infratally.com", "2026")
    database_gb: Decimal = _price("0.115", "A GB of gp3, of each copy, a month.", "usage.ai", "2026-06")
    nat_hour: Decimal = _price("0.045", "A NAT gateway.", "cloudburn.io", "2026-02")
    nat_gb: Decimal = _price("0.045", "A GB through it.", "cloudburn.io", "2026-02")
    address_hour: Decimal = _price("0.005", "A public IPv4 address.", "cloudburn.io", "2026-02")
    outward_gb: Decimal = _price("0.09", "A GB to the internet.", "cloudpipelines.pages.dev", "2026")
    balancer_hour: Decimal = _price("0.0225", "A load balancer.", "cloud-horizons.com", "2026-05")
    balancer_unit_hour: Decimal = _price(
        "0.008", "One of its capacity units.", "cloud-horizons.com", "2026-05"
    )
    key_month: Decimal = _price("1", "A key in KMS.", "cloudburn.io", "2026-03")
    secret_month: Decimal = _price("0.40", "A secret.", "hivebook.wiki", "2026")

    machine_tasks: int = Field(
        20,
        ge=1,
        description="Replicas that a machine holds: by its network interfaces (m6i.xlarge with trunking, in "
        "AWS's own table of ECS), as cores and memory would do for more.",
    )
    volume_size: int = Field(30, ge=1, description="GB of a machine's root volume, as AWS's image has it.")
    replica_vcpu: Decimal = Field(Decimal("0.25"), gt=0, description="Cores of a replica on Fargate.")
    replica_gib: Decimal = Field(Decimal("0.5"), gt=0, description="GiB of a replica on Fargate.")
    database_size: int = Field(20, ge=20, description="GB of the database.")

    log_gb: Decimal | None = _unknown("A GB of logs taken in.")
    log_gb_per_replica: Decimal | None = _unknown("GB of logs of a replica in a month.")
    gb_out_per_replica: Decimal | None = _unknown("GB that a replica sends out in a month.")
    gb_in_per_replica: Decimal | None = _unknown("GB that a replica hears in a month.")
    alarm_month: Decimal | None = _unknown("An alarm.")

    @classmethod
    def read(cls, file: Path | None) -> "AwsPrices":
        """From a TOML file, over the defaults. Raises BadAwsPrices."""
        try:
            values = tomllib.loads(file.read_text(), parse_float=Decimal) if file else {}
            return cls.model_validate(values)
        except OSError as error:
            raise BadAwsPrices(f"cannot read {file}: {error.strerror}") from error
        except tomllib.TOMLDecodeError as error:
            raise BadAwsPrices(f"{file} is not TOML: {error}") from error
        except ValidationError as error:
            first = error.errors()[0]
            raise BadAwsPrices(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error

    @property
    def missing(self) -> list[str]:
        """What has no price yet."""
        return [name for name in type(self).model_fields if getattr(self, name) is None]
