"""What `linkpool scale` and `linkpool guard` read and show."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from linkpool.api.client import Client
from linkpool.api.client_growth import policy, put_policy
from linkpool.cli.output import facts, print_json, show, table
from linkpool.errors import Permanent
from linkpool.units import show as amount
from linkpool.wire.guard import GuardSettings, GuardView, PutGuard, PutOverride
from linkpool.wire.scaling import (
    DecisionList,
    PolicyView,
    PutPolicy,
    ScalingNow,
    ScalingPolicy,
    WeekExplained,
)

_MEANS = {
    ("", "missing"): "is needed while there is no policy",
    ("", "string_pattern_mismatch"): "write it like 400 or 12.50",
    ("", "string_too_short"): "must not be empty",
    ("url", "string_pattern_mismatch"): "write it like https://nodes.example/count.json",
    ("address", "string_pattern_mismatch"): "write it as 0x and forty hex digits",
    ("function", "string_pattern_mismatch"): "write it like nodeCount()",
}
"""What pydantic says for programs, for people: of a field, or of any."""
_IN_LINK = ("stake_room", "slack")


class BadRules(Permanent):
    """The options do not make a policy or a guard."""


async def change_policy(client: Client, changes: Mapping[str, Any]) -> PolicyView:
    """Set those that are given, and keep the others; `none` takes a rule away.

    Raises BadRules, ControlTrouble, Refused.
    """
    now = (await policy(client)).policy
    values = now.model_dump() if now else {}
    try:
        wanted = ScalingPolicy.model_validate(
            values | {name: _meant(value) for name, value in changes.items() if value is not None}
        )
    except ValidationError as error:
        raise BadRules(_explain(error)) from error
    return await put_policy(client, PutPolicy(policy=wanted))


def _meant(value: Any) -> Any:
    return None if value == "none" else value


def guard_of(upper: float, lower: float, sources: Sequence[Mapping[str, Any] | None]) -> PutGuard:
    """Marks, and the one source that was named. Raises BadRules."""
    named = [source for source in sources if source is not None]
    if len(named) != 1:
        raise BadRules("name one source: --number, --source-url or --contract")
    try:
        values = {"source": named[0], "upper": upper, "lower": lower}
        return PutGuard(guard=GuardSettings.model_validate(values))
    except ValidationError as error:
        raise BadRules(_explain(error)) from error


def override_of(reason: str, hours: float) -> PutOverride:
    """Why, and for how long. Raises BadRules."""
    try:
        return PutOverride(reason=reason, expires_in_seconds=round(hours * 3_600))
    except ValidationError as error:
        raise BadRules(_explain(error)) from error


def _explain(error: ValidationError) -> str:
    """What is wrong, by the names of options."""
    parts = []
    for each in error.errors():
        field = str(each["loc"][-1]) if each["loc"] else ""
        name = {"url": "source-url", "address": "contract"}.get(field, field).replace("_", "-")
        told = _MEANS.get((field, each["type"])) or _MEANS.get(("", each["type"]), each["msg"])
        parts.append(f"--{name}: {told}" if name else told)
    return "; ".join(parts)


def show_policy(found: PolicyView, *, as_json: bool) -> None:
    """The rules, a line each."""
    if as_json:
        print_json(found)
    elif found.policy is None:
        print("auto-scaling is off: no policy is set")
    else:
        values: dict[str, object] = dict(found.policy.model_dump())
        for name in _IN_LINK:
            values[name] = f"{amount(int(getattr(found.policy, name)))} LINK"
        values["budget_per_day"] = f"{amount(int(found.policy.budget_per_day), 6)} coins"
        if found.policy.budget_per_month is not None:
            values["budget_per_month"] = f"{found.policy.budget_per_month} of the price table's currency"
        show(facts(values | {"set at": found.set_at, "set by": found.set_by}))


def show_now(now: ScalingNow, *, as_json: bool) -> None:
    """Everything that counts, then the decision and why."""
    if as_json:
        print_json(now)
        return
    seen = now.demand
    show(
        facts(
            {
                "auto-scaling": "on" if now.on else "off",
                "nodes": f"{now.nodes}, {now.coming} of them on their way",
                "capacity": f"{amount(int(now.capacity))} LINK",
                "wanted": f"{amount(int(now.wanted))} LINK",
                "stake": f"{amount(int(seen.stake))} LINK",
                "waiting list": f"{amount(int(seen.waiting))} LINK",
                "pace": f"{amount(int(seen.pace))} LINK an hour",
                "load": f"{seen.load:.3g} requests a second",
                "samples": f"{seen.samples}{'' if seen.enough else ', too few'}",
                "guard": now.guard,
            }
        )
    )
    limits = table("limit", "allows", "why")
    for one in now.limits:
        limits.add_row(one.name, str(one.allows), one.why)
    show(limits)
    what = {"up": f"make {now.count}", "down": f"retire {now.node}", "hold": "hold"}[now.action]
    print(f"decision: {what}")
    for reason in now.reasons:
        print(f"  {reason}")


def show_week(week: WeekExplained, *, as_json: bool) -> None:
    """Every change of mind, oldest first."""
    if as_json:
        print_json(week)
        return
    steps = table("at", "decision", "nodes", "capacity", "wanted", "why")
    for step in week.steps:
        steps.add_row(
            f"{step.at:%m-%d %H:%M}",
            step.action if step.action == "hold" else f"{step.action} {step.count}",
            str(step.nodes),
            amount(int(step.capacity), 0),
            amount(int(step.wanted), 0),
            "; ".join(step.reasons),
        )
    show(steps)
    print(f"{week.samples} samples; {week.nodes} nodes at the end")


def show_decisions(found: DecisionList, *, as_json: bool) -> None:
    """One a line, newest first."""
    if as_json:
        print_json(found)
        return
    shown = table("number", "at", "decision", "state", "why")
    for one in found.decisions:
        what = {"up": f"up {one.count}", "down": f"down {one.node}", "hold": "hold"}[one.action]
        shown.add_row(str(one.number), f"{one.at:%m-%d %H:%M:%S}", what, one.state, "; ".join(one.reasons))
    show(shown)


def show_guard(found: GuardView, *, as_json: bool) -> None:
    """How it stands, and why."""
    if as_json:
        print_json(found)
        return
    source = found.settings.source.model_dump(exclude={"kind"}) if found.settings else {}
    override = found.override
    show(
        facts(
            {
                "guard": found.state,
                "why": found.why,
                "ours": found.ours,
                "the network's": found.nodes,
                "share": None if found.share is None else f"{found.share:.2%}",
                "blocks above": None if found.upper is None else f"{found.upper:.2%}",
                "frees below": None if found.lower is None else f"{found.lower:.2%}",
                "read at": found.read_at,
                "source": " ".join(str(value) for value in source.values()) or None,
                "override": override and f"until {override.until} by {override.by}: {override.reason}",
            }
        )
    )
