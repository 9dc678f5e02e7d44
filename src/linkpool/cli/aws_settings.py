"""What `linkpool aws settings` shows: how a stack's engine is reached, for a settings file of one's own."""

import asyncio
import json
from collections.abc import Mapping

from linkpool.api.engine_settings import EngineSettings
from linkpool.aws.stack import Stacks
from linkpool.cli.output import print_json

_PREFIX = "LINKPOOL_"
_BESIDE = ("pool_name", "agent_port", "control_urls", "database")
"""What settings with the ecs engine also need; the database's address has no password in it."""


def show_settings(region: str, stack: str, endpoint: str | None, *, as_json: bool) -> None:
    """As TOML, or one JSON object. Raises EngineRefused, EngineUnreachable."""
    found = of_the_engine(asyncio.run(Stacks(region, endpoint).told(stack)))
    if as_json:
        print_json(found)
    else:  # JSON's strings are TOML's too; settings take numbers and lists as text, as from the environment
        print("".join(f"{name} = {json.dumps(value)}\n" for name, value in found.items()), end="")


def of_the_engine(told: Mapping[str, str]) -> dict[str, str]:
    """Those settings of a control plane that are not about its own process."""
    wanted = {*EngineSettings.model_fields, *_BESIDE}
    named = {name.removeprefix(_PREFIX).lower(): value for name, value in told.items()}
    return {name: value for name, value in sorted(named.items()) if name in wanted}
