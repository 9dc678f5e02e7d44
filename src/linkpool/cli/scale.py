"""`linkpool scale`: by what rules the pool grows and shrinks by itself, what it would do, what it did."""

from typing import Annotated

import typer

from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, TokenFile, Url

app = typer.Typer(help="How the pool grows and shrinks by itself.", no_args_is_help=True)
policy = typer.Typer(help="The rules; auto-scaling is off while there are none.", no_args_is_help=True)
app.add_typer(policy, name="policy")


@policy.command("show")
def show_policy(
    url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False
) -> None:
    """The policy in force, and who set it."""
    from linkpool.api import client_growth
    from linkpool.cli.growth import show_policy as show
    from linkpool.cli.session import Session

    show(Session(url, token_file).run(client_growth.policy), as_json=json)


@policy.command("set")
def set_policy(
    ceiling: Annotated[int | None, typer.Option(help="Never more nodes than this.")] = None,
    floor: Annotated[int | None, typer.Option(help="Never fewer.")] = None,
    stake_room: Annotated[str | None, typer.Option(help="LINK that must always fit besides.")] = None,
    ahead_hours: Annotated[
        float | None, typer.Option(help="And what comes in so many hours at the present pace.")
    ] = None,
    load: Annotated[float | None, typer.Option(help="Requests a second that a node answers at most.")] = None,
    per_hour: Annotated[int | None, typer.Option(help="New nodes an hour, at most.")] = None,
    per_day: Annotated[int | None, typer.Option(help="New nodes a day, at most.")] = None,
    budget_per_day: Annotated[
        str | None, typer.Option(help="Gas money for new nodes a day, in the chain's coin.")
    ] = None,
    budget_per_month: Annotated[
        str | None,
        typer.Option(help="What the fleet may cost a month by the price table, without gas; or `none`."),
    ] = None,
    window_seconds: Annotated[int | None, typer.Option(help="How long demand is watched.")] = None,
    rest_up_seconds: Annotated[int | None, typer.Option(help="Since a change, before growing.")] = None,
    rest_down_seconds: Annotated[int | None, typer.Option(help="Since a change, before shrinking.")] = None,
    slack: Annotated[
        str | None, typer.Option(help="LINK of room that must be left over for a node to go.")
    ] = None,
    drain_staked: Annotated[bool | None, typer.Option(help="A node with stake may go, too.")] = None,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Set rules; those not named stay as they are, or at their defaults."""
    from linkpool.cli.growth import change_policy
    from linkpool.cli.growth import show_policy as show
    from linkpool.cli.nodes import juels, wei
    from linkpool.cli.session import Session

    changes = {
        "ceiling": ceiling,
        "floor": floor,
        "stake_room": stake_room and str(juels(stake_room)),
        "ahead_hours": ahead_hours,
        "load": load,
        "per_hour": per_hour,
        "per_day": per_day,
        "budget_per_day": budget_per_day and str(wei(budget_per_day)),
        "budget_per_month": budget_per_month,
        "window_seconds": window_seconds,
        "rest_up_seconds": rest_up_seconds,
        "rest_down_seconds": rest_down_seconds,
        "slack": slack and str(juels(slack)),
        "drain_staked": drain_staked,
    }
    show(Session(url, token_file).run(lambda client: change_policy(client, changes)), as_json=json)


@policy.command()
def off(url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False) -> None:
    """No auto-scaling from now on."""
    from linkpool.api.client_growth import put_policy
    from linkpool.cli.growth import show_policy as show
    from linkpool.cli.session import Session
    from linkpool.wire.scaling import PutPolicy

    show(
        Session(url, token_file).run(lambda client: put_policy(client, PutPolicy(policy=None))), as_json=json
    )


@app.command()
def explain(
    last_week: Annotated[
        bool, typer.Option("--last-week", help="What it would have done over what was recorded.")
    ] = False,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """What auto-scaling sees now, what it would do, and why."""
    from linkpool.api import client_growth
    from linkpool.cli.growth import show_now, show_week
    from linkpool.cli.session import Session
    from linkpool.wire.scaling import ExplainWeek

    session = Session(url, token_file)
    if last_week:
        week = session.run(lambda client: client_growth.explain(client, ExplainWeek()))
        show_week(week, as_json=json)
    else:
        show_now(session.run(client_growth.scaling), as_json=json)


@app.command()
def decisions(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many, newest first.")] = 20,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """What it decided, why, and what came of it."""
    from linkpool.api import client_growth
    from linkpool.cli.growth import show_decisions
    from linkpool.cli.session import Session

    found = Session(url, token_file).run(lambda client: client_growth.decisions(client, limit))
    show_decisions(found, as_json=json)
