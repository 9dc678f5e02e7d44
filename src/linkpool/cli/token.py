"""`linkpool token` and `linkpool audit`: who may use the API, and who did what."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from linkpool.cli import completion
from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, TokenFile, Url

app = typer.Typer(help="API tokens.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Who it is for.")],
    out: Annotated[Path, typer.Option(help="File to write it to (mode 0600); it is shown nowhere else.")],
    scope: Annotated[Literal["read", "operate", "admin"], typer.Option(help="What it may do.")] = "read",
    days: Annotated[int | None, typer.Option(min=1, help="It expires after so many days.")] = None,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Make a token and write it to a file."""
    from linkpool.api.client_tokens import make_token
    from linkpool.cli.output import say
    from linkpool.cli.session import Session
    from linkpool.files import write_private
    from linkpool.wire.api import MakeToken

    expires = None if days is None else days * 86_400
    wanted = MakeToken(name=name, scope=scope, expires_in_seconds=expires)
    made = Session(url, token_file).run(lambda client: make_token(client, wanted))
    write_private(out, made.token + "\n")
    shown = made.model_dump(mode="json", exclude={"token"})
    say(f"{made.id}: {made.name}, {made.scope}, in {out}", as_json=json, **shown, file=str(out))


@app.command("list")
def list_tokens(
    url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False
) -> None:
    """Every token that was made, without its secret."""
    from linkpool.api.client_tokens import tokens
    from linkpool.cli.output import print_json
    from linkpool.cli.session import Session

    found = Session(url, token_file).run(tokens)
    if json:
        print_json(found)
        return
    for token in found:
        end = (
            "revoked"
            if token.revoked_at
            else f"until {token.expires_at:%Y-%m-%d}"
            if token.expires_at
            else ""
        )
        print(f"{token.id}  {token.scope:8} {token.name}  {end}")


@app.command()
def revoke(
    token_id: Annotated[
        str, typer.Argument(help="Its id, from `token list`.", autocompletion=completion.tokens)
    ],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Refuse a token from now on."""
    from linkpool.api.client_tokens import revoke_token
    from linkpool.cli.output import say
    from linkpool.cli.session import Session

    Session(url, token_file).run(lambda client: revoke_token(client, token_id))
    say(f"{token_id}: revoked", as_json=json, id=token_id, revoked=True)


def audit(
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    after: Annotated[int, typer.Option(help="Begin after this number.")] = 0,
    json: AsJson = False,
) -> None:
    """Who asked the API for what, a thousand at a time. With --json one object a line."""
    from linkpool.api.client_tokens import audit as entries
    from linkpool.cli.session import Session

    for entry in Session(url, token_file).run(lambda client: entries(client, after)):
        if json:
            print(entry.model_dump_json())
        else:
            when = f"{entry.number:6} {entry.at:%Y-%m-%d %H:%M:%S}"
            print(f"{when} {entry.token} {entry.method} {entry.path} {entry.status}")
