"""Asking the control plane to grow and shrink, and by what rules it does so itself.

All raise ControlTrouble and Refused.
"""

import asyncio
from collections.abc import Callable
from urllib.parse import quote

from linkpool.api.client import Client, ControlTrouble
from linkpool.errors import Permanent
from linkpool.wire.api import NodeMade, OperationView
from linkpool.wire.guard import GuardView, PutGuard, PutOverride
from linkpool.wire.scaling import (
    DecisionList,
    ExplainWeek,
    PolicyView,
    PutPolicy,
    ScalingNow,
    WeekExplained,
)

LOOK_EVERY = 0.1
REVOKE_SECONDS = 300.0
"""How long a command waits for the chain to take a stolen sender out."""


class OperationFailed(Permanent):
    """What was asked for ended without success; the text says why."""


async def retire(client: Client, node: str, *, key: str | None = None) -> OperationView:
    """Have a node go."""
    path = f"/nodes/{quote(node, safe='')}/retire"
    return OperationView.model_validate(await client.ask("POST", path, key=key))


async def revoke(client: Client, node: str, sender: str, *, key: str | None = None) -> OperationView:
    """Have a stolen sender removed."""
    path = f"/nodes/{quote(node, safe='')}/senders/{quote(sender, safe='')}/revoke"
    return OperationView.model_validate(await client.ask("POST", path, key=key))


async def until_over(
    client: Client,
    operation: OperationView,
    seconds: float | None,
    tell: Callable[[str], None] = lambda _detail: None,
) -> OperationView:
    """Wait until it is done; `tell` hears what it waits for. seconds: at most, or None for as long as it
    takes.

    Raises OperationFailed, and ControlTrouble when it takes longer.
    """
    said = ""
    try:
        async with asyncio.timeout(seconds):
            while operation.state == "running":
                await asyncio.sleep(LOOK_EVERY)
                operation = await client.operation(operation.id)
                if operation.detail != said:
                    said = operation.detail
                    tell(said)
    except TimeoutError as error:
        where = operation.detail or "nothing is known yet"
        raise ControlTrouble(
            f"{operation.kind} is not over after {seconds} s and goes on: {where}; "
            f"`linkpool operation {operation.id}` shows it"
        ) from error
    if operation.state == "failed":
        raise OperationFailed(f"{operation.kind}: {operation.detail}")
    return operation


async def guard_warning(client: Client) -> str | None:
    """What a person should hear before he makes a node that auto-scaling would not."""
    now = await guard(client)
    if now.state != "blocked":
        return None
    return f"warning: the guard blocks auto-scaling ({now.why}); the node is made all the same"


async def until_made(client: Client, made: NodeMade, seconds: float) -> None:
    """Wait until a new node serves. Raises OperationFailed, ControlTrouble."""
    await until_over(client, made.operation, seconds)


# --- scaling --------------------------------------------------------------------------------------


async def policy(client: Client) -> PolicyView:
    """The policy in force."""
    return PolicyView.model_validate(await client.ask("GET", "/scaling/policy"))


async def put_policy(client: Client, wanted: PutPolicy) -> PolicyView:
    """Another policy, or none."""
    body = wanted.model_dump(mode="json")
    return PolicyView.model_validate(await client.ask("PUT", "/scaling/policy", body))


async def scaling(client: Client) -> ScalingNow:
    """What would be decided now, and why."""
    return ScalingNow.model_validate(await client.ask("GET", "/scaling"))


async def explain(client: Client, wanted: ExplainWeek) -> WeekExplained:
    """What would have been decided."""
    body = wanted.model_dump(mode="json")
    return WeekExplained.model_validate(await client.ask("POST", "/scaling/explain", body))


async def decisions(client: Client, limit: int = 50) -> DecisionList:
    """What was decided, newest first."""
    return DecisionList.model_validate(await client.ask("GET", f"/scaling/decisions?limit={limit}"))


# --- the guard ------------------------------------------------------------------------------------


async def guard(client: Client) -> GuardView:
    """How it stands."""
    return GuardView.model_validate(await client.ask("GET", "/guard"))


async def put_guard(client: Client, wanted: PutGuard) -> GuardView:
    """Another guard, or none."""
    return GuardView.model_validate(await client.ask("PUT", "/guard", wanted.model_dump(mode="json")))


async def override(client: Client, wanted: PutOverride) -> GuardView:
    """Grow in spite of it, for a while."""
    body = wanted.model_dump(mode="json")
    return GuardView.model_validate(await client.ask("PUT", "/guard/override", body))


async def clear_override(client: Client) -> GuardView:
    """It counts again."""
    return GuardView.model_validate(await client.ask("DELETE", "/guard/override"))
