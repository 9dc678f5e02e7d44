"""`linkpool aws`: the stack that a pool on AWS lives in, and what it costs."""

from pathlib import Path
from typing import Annotated

import typer

from linkpool.cli.options import AsJson

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
