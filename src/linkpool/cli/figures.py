"""`linkpool figures`: what anybody may know of the pool and its past, from the indexer. Needs no token."""

from typing import Annotated, Literal

import typer

from linkpool.cli.options import DEFAULT_URL, AsJson, Url

app = typer.Typer(help="What the chain shows of the pool, and its history.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(help="An address.")]
MaybeNode = Annotated[str | None, typer.Option(help="Of one node, by its id.")]


@app.command()
def pool(url: Url = DEFAULT_URL, json: AsJson = False) -> None:
    """All nodes together, the maker fee, and how the tables were checked."""
    from linkpool.api import client_public as public
    from linkpool.cli import figures_tables as tables
    from linkpool.cli.session import Session

    tables.show_pool(Session(url).run(public.pool), as_json=json)


@app.command()
def nodes(url: Url = DEFAULT_URL, json: AsJson = False) -> None:
    """Every registered node: stake, requests, uptime, APR."""
    from linkpool.api import client_public as public
    from linkpool.cli import figures_tables as tables
    from linkpool.cli.session import Session

    tables.show_nodes(Session(url).run(public.nodes), as_json=json)


@app.command()
def history(
    node: MaybeNode = None,
    bucket: Annotated[Literal["hour", "day"], typer.Option(help="How long a bucket is.")] = "day",
    count: Annotated[int, typer.Option(min=1, max=1_000, help="How many.")] = 14,
    url: Url = DEFAULT_URL,
    json: AsJson = False,
) -> None:
    """The pool or one node, hour by hour or day by day."""
    from linkpool.api import client_public as public
    from linkpool.cli import figures_tables as tables
    from linkpool.cli.session import Session

    found = Session(url).run(lambda client: public.history(client, bucket, count, node))
    tables.show_history(found, as_json=json)


@app.command()
def account(address: Address, url: Url = DEFAULT_URL, json: AsJson = False) -> None:
    """What a staker has, earned and lost, and what is on its way out."""
    from linkpool.api import client_public as public
    from linkpool.cli import figures_tables as tables
    from linkpool.cli.session import Session

    tables.show_account(Session(url).run(lambda client: public.account(client, address)), as_json=json)


@app.command()
def waiting(url: Url = DEFAULT_URL, json: AsJson = False) -> None:
    """How much LINK waits for room, by signatures of its wallets, and how much room there is."""
    from linkpool.api import client_public as public
    from linkpool.cli import figures_tables as tables
    from linkpool.cli.session import Session

    tables.show_waiting(Session(url).run(public.waiting), as_json=json)


@app.command("events")
def chain_events(
    node: MaybeNode = None,
    account: Annotated[str | None, typer.Option(help="Of one account, by its address.")] = None,
    kind: Annotated[str | None, typer.Option(help="Of one kind, as Staked or Penalized.")] = None,
    before: Annotated[int | None, typer.Option(min=0, help="Below this position.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 50,
    url: Url = DEFAULT_URL,
    json: AsJson = False,
) -> None:
    """Events of the pool's contracts, newest first."""
    from linkpool.api import client_public as public
    from linkpool.cli import figures_tables as tables
    from linkpool.cli.session import Session

    where = {"node": node, "account": account, "kind": kind, "before": before}
    found = Session(url).run(lambda client: public.chain_events(client, limit, **where))
    tables.show_events(found, as_json=json)
