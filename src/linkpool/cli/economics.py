"""`linkpool economics`: does the maker fee pay for the fleet?"""

from typing import Annotated

import typer

from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, TokenFile, Url


def economics(
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    days: Annotated[int, typer.Option(min=1, max=365, help="How far to look back.")] = 30,
    json: AsJson = False,
) -> None:
    """Fee income against gas and fleet: pool, days, nodes, a month ahead, and where it breaks even."""
    from linkpool.api import client_money
    from linkpool.cli.money import show_economics
    from linkpool.cli.output import print_json
    from linkpool.cli.session import Session

    found = Session(url, token_file).run(lambda client: client_money.economics(client, days))
    if json:
        print_json(found)
    else:
        show_economics(found)
