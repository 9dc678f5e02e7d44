"""What `linkpool aws` does: write the template, show a change set, execute it."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from linkpool import log as logs
from linkpool.aws.changes import Plan
from linkpool.aws.stack import Stacks
from linkpool.cli.output import print_json, say, show, table
from linkpool.errors import Permanent


class BadStack(Permanent):
    """What was asked of the stack cannot be done as it was asked."""


@dataclass(frozen=True)
class Deployment:
    """What a stack shall be. parameters: NAME=VALUE each. template: LinkPool's own without a file."""

    region: str
    stack: str
    parameters: tuple[str, ...]
    template: Path | None
    endpoint: str | None


def own_template(*, short: bool) -> str:
    """LinkPool's own template, on one line or for people. Raises BadStack without troposphere."""
    if find_spec("troposphere") is None:
        raise BadStack("the template is built with troposphere: pip install 'linkpool[aws]'")
    from linkpool.aws.template import readable, template_text

    return template_text() if short else readable()


def deploy_stack(wanted: Deployment, *, execute: bool, lose_data: bool, as_json: bool) -> None:
    """Show the change set; execute it if told to. Raises BadStack, EngineRefused, EngineUnreachable."""
    given = dict(_split(each) for each in wanted.parameters)
    template = wanted.template.read_text() if wanted.template else own_template(short=True)
    logs.configure()
    asyncio.run(_deploy(wanted, template, given, execute=execute, lose_data=lose_data, as_json=as_json))


def delete_stack(region: str, stack: str, endpoint: str | None, *, really: bool, as_json: bool) -> None:
    """Delete it with everything in it that is not kept. Raises EngineRefused, EngineUnreachable."""
    if not really:
        text = f"nothing was deleted; --yes deletes {stack}, and keeps the key, two secrets and a snapshot"
        say(text, as_json=as_json, stack=stack, deleted=False)
        return
    logs.configure()
    asyncio.run(Stacks(region, endpoint).delete(stack))
    say(f"{stack} is deleted", as_json=as_json, stack=stack, deleted=True)


async def _deploy(
    wanted: Deployment,
    template: str,
    given: Mapping[str, str],
    *,
    execute: bool,
    lose_data: bool,
    as_json: bool,
) -> None:
    stacks = Stacks(wanted.region, wanted.endpoint)
    plan = await stacks.look(wanted.stack, template, given)
    if not as_json:
        _print(plan)
    lost = [f"{each.resource} ({each.loses})" for each in plan.changes if each.loses]
    outputs: Mapping[str, str] = {}
    done = execute and bool(plan.changes) and (lose_data or not lost)
    if done:
        outputs = await stacks.carry_out(plan)
    else:
        await stacks.forget(plan)
    if as_json:
        changes = [asdict(each) | {"loses": each.loses} for each in plan.changes]
        print_json({"stack": plan.stack, "executed": done, "changes": changes, "outputs": outputs})
    elif done:
        print("\n".join(f"{name} {value}" for name, value in outputs.items()))
    if execute and lost and not done:
        raise BadStack(
            f"nothing was done: this would replace or remove {', '.join(lost)}; "
            "make a backup, then say --lose-data as well"
        )
    if not as_json and not execute and plan.changes:
        print("Nothing was done. The same with --yes executes it.")


def _print(plan: Plan) -> None:
    if not plan.changes:
        print(f"{plan.stack} is as it should be")
        return
    made = table("action", "resource", "type", "replaced", "loses", title=f"{plan.stack}: {plan.name}")
    for each in plan.changes:
        kind = each.type.removeprefix("AWS::")
        made.add_row(each.action.lower(), each.resource, kind, each.replaced, each.loses or "")
    show(made)


def _split(parameter: str) -> tuple[str, str]:
    name, equals, value = parameter.partition("=")
    if not equals:
        raise BadStack(f"{parameter!r} is no parameter; write NAME=VALUE")
    return name, value
