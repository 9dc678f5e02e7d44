"""`linkpool rollout`: how far upgrades are, and a hand on each."""

from typing import Annotated

import typer

from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, TokenFile, Url

app = typer.Typer(help="Upgrades under way, and those before.", no_args_is_help=True)

RolloutId = Annotated[str, typer.Argument(help="Its id, as `rollout list` shows it.")]


@app.command("list")
def list_rollouts(
    url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False
) -> None:
    """The latest rollouts, newest first."""
    from linkpool.api.client_rollouts import rollouts
    from linkpool.cli.output import print_json, show
    from linkpool.cli.rollouts import rollouts_table
    from linkpool.cli.session import Session

    found = Session(url, token_file).run(rollouts)
    if json:
        print_json(found)
    else:
        show(rollouts_table(found))


@app.command("show")
def show_rollout(
    rollout: RolloutId,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """One rollout: each of its nodes, and why it is where it is."""
    from linkpool.api.client_rollouts import rollout as ask
    from linkpool.cli.rollouts import show_one
    from linkpool.cli.session import Session

    show_one(Session(url, token_file).run(lambda client: ask(client, rollout)), as_json=json)


@app.command()
def pause(
    rollout: RolloutId,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Begin no further node; what is in flight comes to its end."""
    _change("pause", rollout, url, token_file, as_json=json)


@app.command()
def resume(
    rollout: RolloutId,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Go on, after a pause or after it stopped itself: what was wrong until now no longer counts."""
    _change("resume", rollout, url, token_file, as_json=json)


@app.command()
def abort(
    rollout: RolloutId,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """What is in flight returns to its old release; what has moved stays moved."""
    _change("abort", rollout, url, token_file, as_json=json)


def _change(change: str, rollout: str, url: Url, token_file: TokenFile, *, as_json: bool) -> None:
    from linkpool.api.client_rollouts import change_rollout
    from linkpool.cli.rollouts import show_one
    from linkpool.cli.session import Session

    changed = Session(url, token_file).run(lambda client: change_rollout(client, rollout, change))
    show_one(changed, as_json=as_json)
