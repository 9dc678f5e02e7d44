"""`linkpool treasury`: what pays for gas, and the price table that costs are told by."""

from pathlib import Path
from typing import Annotated

import typer

from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, TokenFile, Url

app = typer.Typer(help="What pays for gas, and what a fleet costs.", no_args_is_help=True)
prices = typer.Typer(help="The price table that costs are told by.", no_args_is_help=True)
app.add_typer(prices, name="prices")


@app.command("show")
def show_treasury(
    url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False
) -> None:
    """Balances, daily limits, what is frozen or held closed, and the last transactions."""
    from linkpool.api import client_money
    from linkpool.cli.money import show_treasury as show
    from linkpool.cli.output import print_json
    from linkpool.cli.session import Session

    found = Session(url, token_file).run(client_money.treasury)
    if json:
        print_json(found)
    else:
        show(found)


@app.command()
def unfreeze(
    sender: Annotated[str, typer.Argument(help="The sender's address.")],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Send gas to a sender again, once you know why it was frozen."""
    from linkpool.api import client_money
    from linkpool.cli.output import print_json
    from linkpool.cli.session import Session

    found = Session(url, token_file).run(lambda client: client_money.unfreeze(client, sender))
    if json:
        print_json(found)
    else:
        print(f"{found.address} may be sent gas again")


@prices.command("show")
def show_prices(
    url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False
) -> None:
    """The price table in force, as a file that `set` takes."""
    from linkpool.api import client_money
    from linkpool.cli.money import toml
    from linkpool.cli.output import print_json
    from linkpool.cli.session import Session

    found = Session(url, token_file).run(client_money.prices)
    if json:
        print_json(found)
    else:
        print(toml(found), end="")


@prices.command("set")
def set_prices(
    file: Annotated[Path, typer.Argument(help="TOML, as `linkpool treasury prices show` prints it.")],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Put another price table in force."""
    from linkpool.api import client_money
    from linkpool.cli.money import read_prices, toml
    from linkpool.cli.output import print_json
    from linkpool.cli.session import Session

    table = read_prices(file)
    found = Session(url, token_file).run(lambda client: client_money.set_prices(client, table))
    if json:
        print_json(found)
    else:
        print(toml(found), end="")
