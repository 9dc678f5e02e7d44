"""`linkpool aws`: the stack that a pool on AWS lives in, and what it costs."""

from pathlib import Path
from typing import Annotated

import typer

from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, TokenFile, Url

app = typer.Typer(help="A pool on AWS: its stack, and what it costs.", no_args_is_help=True)

Stack = Annotated[str, typer.Option(help="Name of the stack.")]
Region = Annotated[str, typer.Option(envvar="AWS_REGION", help="Region of AWS.")]
Endpoint = Annotated[str | None, typer.Option(help="Address of an emulator in place of AWS.")]
Yes = Annotated[bool, typer.Option("--yes", help="Really do it; without it, only say what would be done.")]


@app.command()
def template(
    file: Annotated[Path | None, typer.Option(help="Write it there; without it, print it.")] = None,
    json: AsJson = False,
) -> None:
    """The CloudFormation template of the whole stack: network, cluster, control planes, database, alarms."""
    from linkpool.cli.stack import own_template

    text = own_template(short=json)
    if file is None:
        print(text)
    else:
        file.write_text(text + "\n")


@app.command()
def deploy(
    region: Region,
    stack: Stack = "linkpool",
    parameter: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE; what is not given stays as it is.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--template", help="A template of your own making.")] = None,
    yes: Yes = False,
    lose_data: Annotated[
        bool, typer.Option("--lose-data", help="Also when something that holds data would be replaced.")
    ] = False,
    endpoint: Endpoint = None,
    json: AsJson = False,
) -> None:
    """Make or upgrade the stack: shows the change set first, and executes it with --yes."""
    from linkpool.cli.stack import Deployment, deploy_stack

    wanted = Deployment(region, stack, tuple(parameter or ()), file, endpoint)
    deploy_stack(wanted, execute=yes, lose_data=lose_data, as_json=json)


@app.command()
def delete(
    region: Region,
    stack: Stack = "linkpool",
    yes: Yes = False,
    endpoint: Endpoint = None,
    json: AsJson = False,
) -> None:
    """Delete the stack. The database stays as a snapshot; the key, `master` and `settings` stay."""
    from linkpool.cli.stack import delete_stack

    delete_stack(region, stack, endpoint, really=yes, as_json=json)


@app.command()
def settings(
    region: Region, stack: Stack = "linkpool", endpoint: Endpoint = None, json: AsJson = False
) -> None:
    """The stack's engine as settings, for `linkpool logs` and `linkpool engine check` on this machine."""
    from linkpool.cli.aws_settings import show_settings

    show_settings(region, stack, endpoint, as_json=json)


@app.command()
def costs(
    nodes: Annotated[list[int] | None, typer.Option(min=1, help="How many nodes; again for more.")] = None,
    prices: Annotated[
        Path | None, typer.Option(help="TOML with prices of your own; the others stay as they are.")
    ] = None,
    fee: Annotated[
        float | None, typer.Option(help="Maker fee of a node in a month, in money: what would be left.")
    ] = None,
    earned: Annotated[
        bool, typer.Option("--earned", help="In place of --fee: what a node of the running pool earned.")
    ] = False,
    table: Annotated[
        bool, typer.Option("--table", help="As a price table, for `linkpool treasury prices set`.")
    ] = False,
    sources: Annotated[bool, typer.Option("--sources", help="Each price, and where it was read.")] = False,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """What a month costs with so many nodes, on EC2 and on Fargate, beside what they bring."""
    from linkpool.cli.aws_costs import earned_fee, show_costs, show_prices, show_table
    from linkpool.cli.session import Session

    if table:
        show_table(prices, as_json=json)
    elif sources:
        show_prices(prices, as_json=json)
    else:
        brought = earned_fee(Session(url, token_file)) if earned and fee is None else fee
        show_costs(prices, nodes or [2, 20, 110, 1000], brought, as_json=json)
