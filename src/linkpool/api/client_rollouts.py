"""Asking the control plane for releases and rollouts. All raise ControlTrouble and Refused."""

from urllib.parse import quote

from linkpool.api.client import Client
from linkpool.wire.rollout import (
    PutRelease,
    ReleaseList,
    ReleaseView,
    RolloutList,
    RolloutStarted,
    RolloutView,
    StartRollout,
)

OVER = ("done", "failed", "aborted")


async def releases(client: Client) -> list[ReleaseView]:
    """All releases, oldest first."""
    return ReleaseList.model_validate(await client.ask("GET", "/releases")).releases


async def put_release(client: Client, name: str, wanted: PutRelease) -> ReleaseView:
    """Say what a name stands for."""
    path = f"/releases/{quote(name, safe='')}"
    return ReleaseView.model_validate(await client.ask("PUT", path, wanted.model_dump()))


async def rollouts(client: Client) -> list[RolloutView]:
    """The latest, newest first."""
    return RolloutList.model_validate(await client.ask("GET", "/rollouts")).rollouts


async def rollout(client: Client, rollout_id: str) -> RolloutView:
    """One by its id."""
    path = f"/rollouts/{quote(rollout_id, safe='')}"
    return RolloutView.model_validate(await client.ask("GET", path))


async def start_rollout(client: Client, wanted: StartRollout, *, key: str | None = None) -> RolloutStarted:
    """Move nodes to a release."""
    return RolloutStarted.model_validate(await client.ask("POST", "/rollouts", wanted.model_dump(), key=key))


async def change_rollout(client: Client, rollout_id: str, change: str) -> RolloutView:
    """`pause`, `resume` or `abort` it."""
    path = f"/rollouts/{quote(rollout_id, safe='')}/{change}"
    return RolloutView.model_validate(await client.ask("POST", path))
