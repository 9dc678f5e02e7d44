"""A control plane's settings as they may be shown: URLs without their keys and passwords."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from linkpool.api.settings import Settings

WITH_SECRETS = frozenset({"rpc_urls", "replica_rpc_urls", "database"})
"""Providers put keys into paths and queries, databases passwords before the host."""


def explained(settings: Settings | None) -> Mapping[str, Mapping[str, Any]]:
    """Each field's meaning and its value, or its default without settings. None: there is none."""
    return {
        name: {
            "meaning": field.description or "",
            "needed": field.is_required(),
            "value": _shown(name, getattr(settings, name)) if settings else _default(field),
        }
        for name, field in Settings.model_fields.items()
    }


def _default(field: Any) -> Any:
    return "(needed)" if field.is_required() else _plain(field.get_default(call_default_factory=True))


def _shown(name: str, value: Any) -> Any:
    if name == "release_settings":
        return dict.fromkeys(value, "...")
    if name not in WITH_SECRETS or value is None:
        return _plain(value)
    return [_bare(url) for url in value] if isinstance(value, list) else _bare(value)


def _bare(url: str) -> str:
    """Scheme, host and port; what may hold a key is cut off, a SQLite file is not."""
    parts = urlsplit(url)
    if parts.hostname is None:
        return url
    port = f":{parts.port}" if parts.port else ""
    cut = "/..." if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{parts.hostname}{port}{cut}"


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float | str | list | dict) else str(value)
