"""What a replica is told at its start: by its engine's environment, or by a file when it runs alone."""

import re
import tomllib
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from linkpool.errors import Permanent
from linkpool.wire.trust import is_loopback, is_secure


class BadSettings(Permanent):
    """The replica was started with settings it cannot use."""


@dataclass(frozen=True)
class PoolSettings:
    """A replica of a pool: everything else comes down the agent socket."""

    group: str
    task: str
    token: str = field(repr=False)
    control_urls: tuple[str, ...] = ()
    ca_fingerprint: str | None = None
    """SHA-256 of the only authority whose control planes are believed; None on loopback, without TLS."""
    callback_url: str | None = None
    """The API as asynchronous adapters reach it."""


@dataclass(frozen=True)
class Settings:
    """One replica's settings; exactly one of `pool` and `alone` is set."""

    rpc_urls: tuple[str, ...]
    health_host: str
    health_port: int
    max_fee_gwei: float
    pool: PoolSettings | None = None
    alone: "Standalone | None" = None


class StandaloneMember(BaseModel):
    """A sibling that runs alone too: any name, and the address it sends from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str
    sender: str
    primary: bool = True


class StandaloneBridge(BaseModel):
    """A named external adapter of a replica that runs alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    urls: tuple[str, ...]
    token_file: Path | None = None


class Standalone(BaseModel):
    """`linkpool replica --config FILE`: one oracle process without a control plane."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rpc_urls: Annotated[tuple[str, ...], Field(min_length=1)]
    chain_id: int | None = None
    """With it an endpoint of another chain is passed over; without, all must be of one chain at the start."""
    oracle: str
    """Address of a NodeOracle or of Chainlink's own Operator."""
    link: str | None = None
    sender_key_file: Path
    """One line: the private key in hex. The sender must be authorized in the oracle contract."""
    jobs: Path
    """A folder of job specs (*.toml)."""
    task: str = "alone"
    siblings: tuple[StandaloneMember, ...] = ()
    bridges: tuple[StandaloneBridge, ...] = ()
    link_price: str | None = None
    """Wei per LINK: what an answer may cost. Without it only `max_fee_gwei` limits fees."""
    health_host: str = "127.0.0.1"
    health_port: int = 6688
    max_fee_gwei: float = 500.0


def from_environment(environ: MutableMapping[str, str]) -> Settings:
    """Settings of a pool replica (DESIGN section 12). Raises BadSettings naming the variable.

    ECS hands secrets over as variables only: LINKPOOL_TOKEN is taken out, so that nobody reads it later.
    """

    def need(name: str) -> str:
        if not environ.get(name):
            raise BadSettings(f"{name} is not set; a replica is started by its engine, or with --config FILE")
        return environ[name]

    token = environ.pop("LINKPOOL_TOKEN", None) or _token(Path(need("LINKPOOL_TOKEN_FILE")))
    urls = tuple(url.rstrip("/") for url in need("LINKPOOL_CONTROL_URLS").split(","))
    pool = PoolSettings(
        group=need("LINKPOOL_GROUP"),
        task=need("LINKPOOL_TASK"),
        token=token,
        control_urls=urls,
        ca_fingerprint=_fingerprint(environ, urls),
        callback_url=environ.get("LINKPOOL_CALLBACK_URL"),
    )
    return Settings(
        rpc_urls=tuple(need("LINKPOOL_RPC_URLS").split(",")),
        health_host=environ.get("LINKPOOL_HEALTH_HOST", "127.0.0.1"),
        health_port=_number(environ, "LINKPOOL_HEALTH_PORT", 0),
        max_fee_gwei=_number(environ, "LINKPOOL_MAX_FEE_GWEI", 500),
        pool=pool,
    )


def _token(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError as error:
        raise BadSettings(f"LINKPOOL_TOKEN_FILE: cannot read {file}: {error.strerror}") from error


def _fingerprint(environ: Mapping[str, str], urls: tuple[str, ...]) -> str | None:
    """The authority to trust. A token never leaves the machine in clear. Raises BadSettings."""
    wanted = environ.get("LINKPOOL_CA_FINGERPRINT")
    if wanted is not None and not re.fullmatch(r"[0-9a-f]{64}", wanted):
        raise BadSettings("LINKPOOL_CA_FINGERPRINT must be the SHA-256 of a certificate, 64 lower hex digits")
    for url in urls:
        if not is_secure(url) and (wanted is not None or not is_loopback(urlsplit(url).hostname or "")):
            raise BadSettings(
                f"LINKPOOL_CONTROL_URLS: {url} is not TLS, so the group token would travel in clear; "
                "a control plane that replicas reach over a network needs agent_port"
            )
    return wanted


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(environ.get(name, default))
    except ValueError as error:
        raise BadSettings(f"{name} must be a whole number, not {environ[name]!r}") from error


def from_file(path: Path) -> Settings:
    """Settings of a replica that runs alone. Relative paths count from the file's folder.

    Raises BadSettings naming the file, the field and what is wrong with it.
    """
    try:
        alone = Standalone.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise BadSettings(f"cannot read {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadSettings(f"{path}: {place}: {first['msg']}") from error
    here = path.parent
    alone = alone.model_copy(
        update={"sender_key_file": here / alone.sender_key_file, "jobs": here / alone.jobs}
    )
    return Settings(
        rpc_urls=alone.rpc_urls,
        health_host=alone.health_host,
        health_port=alone.health_port,
        max_fee_gwei=alone.max_fee_gwei,
        alone=alone,
    )
