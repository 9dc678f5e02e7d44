"""Everything a control plane is told: one TOML file and the environment, read once into one object."""

import difflib
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from eth_utils.address import is_address, to_checksum_address
from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from linkpool.api.engine_settings import EngineSettings, Texts
from linkpool.errors import Permanent
from linkpool.fleet.treasury.terms import Marks
from linkpool.units import Wei, link
from linkpool.wire.trust import is_loopback, is_secure

PREFIX = "LINKPOOL_"
_PLAIN_URL = r"^https?://[^\s;,\"']*[^\s;,\"'/]$"
"""A URL that may stand in a header of the pages, without a slash at its end."""


class SettingsRefused(Permanent):
    """The configuration cannot be used; the text names the field."""


def _address(value: str) -> str:
    if not is_address(value):
        raise ValueError(f"{value!r} is no address (0x and 40 hex digits)")
    return to_checksum_address(value)


Address = Annotated[str, AfterValidator(_address)]


class Settings(EngineSettings):
    """Amounts in juels or wei. Relative paths count from the working directory."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    state: Path = Field(
        description="Folder of this control plane: database, engine, admin token (mode 0700)."
    )
    database: str | None = Field(None, description="sqlite:///FILE (default, in `state`) or postgresql://...")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8700, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    agent_host: str = Field("0.0.0.0", description="Address the TLS listener for replicas listens on.")  # noqa: S104 - replicas come from other hosts
    agent_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port of the TLS listener for replicas (0: a free one). "
        "Without it they come to `port` in clear, which only a loopback `host` allows.",
    )
    control_urls: Texts = Field(
        [],
        description="URLs of all control planes, as replicas reach them: https:// and `agent_port`, "
        "or http:// and `port` on loopback; own by default.",
    )
    public_url: str | None = Field(
        None, description="This API as adapters reach it for their callbacks; own by default."
    )
    chain_id: int = Field(gt=0, description="Chain id, checked against every endpoint.")
    pool: Address = Field(description="Address of the StakingPool.")
    view: Address = Field(description="Address of the PoolView.")
    pool_block: int = Field(
        0, ge=0, description="A block at or before the pool's first: history begins there."
    )
    rpc_urls: Texts = Field(
        min_length=1, description="JSON-RPC endpoints (http or ws), in order of preference."
    )
    replica_rpc_urls: Texts = Field([], description="Endpoints for replicas; `rpc_urls` by default.")
    keys_file: Path | None = Field(
        None, description="Sealed master secret; master.json in `state` by default."
    )
    passphrase_file: Path | None = Field(
        None, description="File whose first line opens `keys_file`; not needed when KMS sealed it."
    )
    admin_token_file: Path | None = Field(
        None, description="Admin token; made (0600) in `state` when missing."
    )
    pool_name: str = Field(
        "linkpool", pattern=r"^[a-z0-9-]{1,40}$", description="Name of the pool in engines."
    )
    capacity: int = Field(link(100_000), gt=0, description="Juels of active stake a new node takes.")
    link_price: int | None = Field(None, gt=0, description="Wei per LINK: what an answer may cost.")
    link_price_feed: Address | None = Field(
        None, description="A LINK / coin price feed (`latestRoundData`); outranks `link_price` while fresh."
    )
    coin_price: Decimal | None = Field(
        None, gt=0, description="Money per coin, in the currency of the price table."
    )
    coin_price_feed: Address | None = Field(
        None, description="A coin / money price feed; outranks `coin_price` while fresh."
    )
    replica_max_fee: int = Field(
        200 * 10**9,
        ge=10**9,
        description="Wei per gas that replicas pay at most; the marks follow from it.",
    )
    gas_low: int | None = Field(
        None, gt=0, description="Wei: a sender below this is topped up; three answers at `replica_max_fee`."
    )
    gas_high: int | None = Field(None, gt=0, description="Wei: to this much; three times `gas_low`.")
    gas_sender_daily: int | None = Field(
        None, gt=0, description="Wei sent to one sender in 24 h at most; ten times `gas_high`."
    )
    gas_node_daily: int | None = Field(
        None, gt=0, description="Wei sent to one node's senders in 24 h at most; 20 times `gas_high`."
    )
    gas_pool_daily: int | None = Field(
        None, gt=0, description="Wei sent for gas in 24 h at most, to all; 100 times `gas_high`."
    )
    ticket_daily: int | None = Field(
        None, ge=0, description="Wei of gas in 24 h for pushing due tickets through; once `gas_high`."
    )
    price_engine: str | None = Field(
        None, max_length=64, description="Name of the engine in the price table; `engine` by default."
    )
    economics_days: int = Field(
        7, ge=1, le=365, description="Days in which the fee must cover gas and fleet, or an alarm goes up."
    )
    max_fee: int = Field(200 * 10**9, gt=0, description="Wei per gas the control plane itself pays at most.")
    chain_name: str = Field(
        "", max_length=60, description="What the pages call the chain; its id by default."
    )
    coin: str = Field("ETH", pattern=r"^[A-Za-z0-9]{1,10}$", description="What the pages call its coin.")
    explorer_url: str | None = Field(
        None,
        pattern=_PLAIN_URL,
        description="Block explorer that the pages link to (it has /address and /tx).",
    )
    page_rpc_url: str | None = Field(
        None,
        pattern=_PLAIN_URL,
        description="Endpoint the pages may read the chain from; everybody sees it. Wallets' own by default.",
    )
    docs_url: str | None = Field(
        None, pattern=_PLAIN_URL, description="Where the folder docs/ can be read; the console links into it."
    )
    page_links: dict[str, str] = Field({}, description="Links at the foot of the pages: title to URL.")
    stop_replicas: bool = Field(False, description="Stop all replicas on a clean stop (development).")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.marks.high <= self.marks.low:
            raise ValueError("gas_high must be above gas_low")
        hosts = {urlsplit(url).hostname for url in self.control_urls}
        if len(hosts) > 1 and self.database_url.startswith("sqlite"):
            raise ValueError(
                "control planes on several hosts cannot share SQLite; set database to postgresql://..."
            )
        self.refuse_half_an_engine(agents=self.agent_port is not None and bool(self.control_urls))
        if self.stop_replicas and self.engine != "local":
            raise ValueError("stop_replicas is for the local engine; `linkpool engine prune` removes groups")
        self._refuse_agents_in_clear()
        return self

    def _refuse_agents_in_clear(self) -> None:
        """Group tokens and sender keys cross the agent socket."""
        if self.agent_port is None and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host} is no loopback address, so replicas need TLS: "
                "set agent_port, and control_urls to https://HOST:AGENT_PORT"
            )
        for url in self.control_urls:
            local = self.agent_port is None and is_loopback(urlsplit(url).hostname or "")
            if not (is_secure(url) or local):
                raise ValueError(
                    f"control_urls: {url} would send keys in clear; set agent_port, use https://HOST:AGENT_PORT"
                )

    @property
    def marks(self) -> Marks:
        """Wei between which senders are kept."""
        return Marks.of(Wei(self.replica_max_fee), self.gas_low, self.gas_high)

    @property
    def database_url(self) -> str:
        """Where the state is."""
        return self.database or f"sqlite:///{self.state.absolute() / 'control.db'}"

    @classmethod
    def load(cls, path: Path | None = None) -> "Settings":
        """From a TOML file and the environment, which wins. Raises SettingsRefused naming the field."""
        try:
            values = tomllib.loads(path.read_text()) if path else {}
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise SettingsRefused(f"{path}: {error}") from error
        try:
            return cls(**values)
        except ValidationError as error:
            raise SettingsRefused("\n".join(_explain(item) for item in error.errors())) from error

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file; no other sources."""
        return env_settings, init_settings


def _explain(item: Any) -> str:
    name = ".".join(str(part) for part in item["loc"]) or "configuration"
    if item["type"] != "extra_forbidden":
        return f"{name}: {item['msg']}"
    near = difflib.get_close_matches(name, Settings.model_fields, n=1)
    return f"{name}: unknown field" + (f"; did you mean {near[0]}?" if near else "")
