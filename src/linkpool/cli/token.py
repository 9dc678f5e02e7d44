"""`linkpool token` and `linkpool audit`: who may use the API, and who did what."""

from pathlib import Path
from typing import Annotated, Literal

import typer

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
) -> None:
    """Make a token and write it to a file."""
    from linkpool.cli.session import Session
    from linkpool.files import write_private
    from linkpool.wire.api import MakeToken, TokenMade

    expires = None if days is None else days * 86_400
    body = MakeToken(name=name, scope=scope, expires_in_seconds=expires).model_dump()
    made = TokenMade.model_validate(Session(url, token_file).run(lambda c: c.ask("POST", "/tokens", body)))
    write_private(out, made.token + "\n")
    print(f"{made.id}: {made.name}, {made.scope}, in {out}")


@app.command("list")
def list_tokens(
    url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False
) -> None:
    """Every token that was made, without its secret."""
    from linkpool.cli.session import Session
    from linkpool.wire.api import TokenList

    found = TokenList.model_validate(Session(url, token_file).run(lambda c: c.ask("GET", "/tokens")))
    if json:
        print(found.model_dump_json())
        return
    for token in found.tokens:
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
    token_id: Annotated[str, typer.Argument(help="Its id, from `token list`.")],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
) -> None:
    """Refuse a token from now on."""
    from linkpool.cli.session import Session

    Session(url, token_file).run(lambda c: c.ask("DELETE", f"/tokens/{token_id}"))
    print(f"{token_id}: revoked")


def audit(
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    after: Annotated[int, typer.Option(help="Begin after this number.")] = 0,
    json: AsJson = False,
) -> None:
    """Who asked the API for what."""
    from linkpool.cli.session import Session
    from linkpool.wire.api import AuditList

    path = f"/audit?after={after}&limit=1000"
    found = AuditList.model_validate(Session(url, token_file).run(lambda c: c.ask("GET", path)))
    for entry in found.entries:
        if json:
            print(entry.model_dump_json())
        else:
            when = f"{entry.number:6} {entry.at:%Y-%m-%d %H:%M:%S}"
            print(f"{when} {entry.token} {entry.method} {entry.path} {entry.status}")
