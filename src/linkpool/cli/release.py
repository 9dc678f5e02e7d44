"""`linkpool release`: what replicas may run, by name."""

from typing import TYPE_CHECKING, Annotated

import typer

from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, TokenFile, Url

if TYPE_CHECKING:
    from linkpool.wire.rollout import ReleaseView

app = typer.Typer(help="What replicas run.", no_args_is_help=True)


@app.command("list")
def list_releases(
    url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False
) -> None:
    """All releases; the one that new nodes run is marked."""
    from linkpool.api.client_rollouts import releases
    from linkpool.cli.output import print_json
    from linkpool.cli.session import Session

    found = Session(url, token_file).run(releases)
    if json:
        print_json(found)
    else:
        _show(found)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="A name that was used for nothing else.")],
    command: Annotated[
        list[str] | None, typer.Argument(help="The command to run, after --, for the local engine.")
    ] = None,
    image: Annotated[str | None, typer.Option(help="The image to run, for swarm and ecs.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE of its environment; may be given again.")
    ] = None,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Say what a name stands for; nothing runs it yet."""
    from linkpool.api.client_rollouts import put_release
    from linkpool.cli.output import print_json
    from linkpool.cli.session import Session
    from linkpool.wire.rollout import PutRelease

    if not command and image is None:
        raise typer.BadParameter("a release needs a command (after --) or an --image")
    settings = dict(_pair(each) for each in setting or [])
    wanted = PutRelease(command=command or [], image=image, settings=settings)
    made = Session(url, token_file).run(lambda client: put_release(client, name, wanted))
    if json:
        print_json(made)
    else:
        _show([made])


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"--setting {text}: it must be NAME=VALUE")
    return name, value


def _show(found: "list[ReleaseView]") -> None:
    import shlex

    from linkpool.cli.output import show, table

    rows = table("release", "nodes", "runs", "settings")
    for each in found:
        runs = each.image or shlex.join(each.command)
        settings = " ".join(f"{name}={value}" for name, value in each.settings.items())
        rows.add_row(f"{each.name} (current)" if each.current else each.name, str(each.nodes), runs, settings)
    show(rows)
