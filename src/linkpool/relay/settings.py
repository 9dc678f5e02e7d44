"""Everything a relay is told: by a TOML file, the environment (`LINKPOOL_RELAY_*`), and the command line; the
last one wins.

The rule about networks: on loopback anybody may ask. Off loopback callers need a token, and the line is TLS.
The token keeps strangers from spending the provider's quota; TLS keeps whoever sits on the network from
telling replicas another chain than there is, which no token in clear would.
"""

import ssl
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from linkpool.errors import Permanent
from linkpool.wire.trust import is_loopback

PREFIX = "LINKPOOL_RELAY_"
MIN_TOKEN = 32


class SettingsRefused(Permanent):
    """The configuration cannot be used; the text names the field."""


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class Settings(BaseModel):
    """One relay."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    upstreams: Annotated[list[str], BeforeValidator(_split)] = Field(
        min_length=1, description="JSON-RPC endpoints (ws or http), in order of preference."
    )
    chain_id: int = Field(gt=0, description="Chain id, checked at every upstream.")
    genesis: str | None = Field(
        None,
        pattern=r"^0x[0-9a-fA-F]{64}$",
        description="Hash of block 0; the first sound upstream's by default.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8710, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    token_file: Path | None = Field(None, description="File whose first line callers must show: URL/TOKEN.")
    tls_cert: Path | None = Field(None, description="Certificate chain (PEM); needed off loopback.")
    tls_key: Path | None = Field(None, description="Its key (PEM).")
    window: int = Field(
        320, ge=32, le=4_096, description="Newest blocks that are kept; replicas ask for 256."
    )
    max_clients: int | None = Field(
        None, gt=0, description="WebSocket connections at once; by default as many as its open files allow."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together")
        if not is_loopback(self.host) and (self.token_file is None or self.tls_cert is None):
            raise ValueError(
                f"host {self.host} is no loopback address: set token_file, tls_cert and tls_key, "
                "or put a TLS proxy in front of a relay on loopback"
            )
        return self

    @classmethod
    def load(cls, path: Path | None, environ: Mapping[str, str], said: Mapping[str, Any]) -> "Settings":
        """From all three; `said` without None. Raises SettingsRefused naming the field."""
        try:
            values = tomllib.loads(path.read_text()) if path else {}
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise SettingsRefused(f"{path}: {error}") from error
        named = {name: environ.get(PREFIX + name.upper()) for name in cls.model_fields}
        values |= {name: value for name, value in named.items() if value is not None}
        values |= {name: value for name, value in said.items() if value is not None}
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"]) or "configuration"
            raise SettingsRefused(f"{name}: {first['msg']}") from error

    def token(self) -> str | None:
        """The shared token. Raises SettingsRefused when its file cannot be read or holds too short a one."""
        if self.token_file is None:
            return None
        try:
            token = self.token_file.read_text().partition("\n")[0].strip()
        except OSError as error:
            raise SettingsRefused(f"token_file: {self.token_file}: {error.strerror}") from error
        if len(token) < MIN_TOKEN or not token.isalnum():
            raise SettingsRefused(f"token_file: a token has at least {MIN_TOKEN} letters and digits")
        return token

    def tls(self) -> ssl.SSLContext | None:
        """How to speak TLS. Raises SettingsRefused when the files are none."""
        if self.tls_cert is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.tls_cert, self.tls_key)
        except (OSError, ssl.SSLError) as error:
            raise SettingsRefused(f"tls_cert, tls_key: {error}") from error
        return context
