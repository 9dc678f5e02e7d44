"""`linkpool engine`: what runs the replicas, beside the control plane that has it run them."""

from typing import Annotated

import typer

from linkpool.cli.options import AsJson, Config

app = typer.Typer(help="What runs the replicas: look at it, tidy it.", no_args_is_help=True)


@app.command()
def check(config: Config, json: AsJson = False) -> None:
    """What the engine has, what is missing, and what to do about it; exit code 1 when something is."""
    import asyncio

    from linkpool.api.engine import examine_engine
    from linkpool.api.settings import Settings
    from linkpool.cli.findings import report

    async def look() -> bool:
        return report([each async for each in examine_engine(Settings.load(config))], as_json=json)

    raise typer.Exit(0 if asyncio.run(look()) else 1)


@app.command("list")
def list_tasks(config: Config, json: AsJson = False) -> None:
    """Every task that really runs in this pool, and whether its group is wanted."""
    import asyncio

    from linkpool.api.settings import Settings
    from linkpool.cli.output import print_json, show, table
    from linkpool.cli.prune import seen

    tasks = asyncio.run(seen(Settings.load(config)))
    if json:
        print_json([each.shown() for each in tasks])
        return
    made = table("task", "group", "release", "phase", "wanted")
    for each in tasks:
        made.add_row(*(str(value) for value in each.shown().values()))
    show(made)


@app.command()
def prune(
    config: Config,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them; without it they are only named.")] = False,
    json: AsJson = False,
) -> None:
    """Remove the groups that the pool's database does not want: strangers, and what a lost database left."""
    import asyncio

    from linkpool.api.settings import Settings
    from linkpool.cli.output import say
    from linkpool.cli.prune import unwanted

    groups = asyncio.run(unwanted(Settings.load(config), remove=yes))
    done = "removed" if yes else "not wanted (remove them with --yes)"
    text = "\n".join(f"{group}: {done}" for group in groups) or "every group that runs is wanted"
    say(text, as_json=json, groups=groups, removed=yes)
