"""`linkpool pool`: put a pool on a chain, and read it back."""

from pathlib import Path
from typing import Annotated

import typer

from linkpool.cli.options import AsJson

app = typer.Typer(help="Put a pool on a chain, and read it back.", no_args_is_help=True)

RpcUrl = Annotated[str, typer.Option(envvar="LINKPOOL_RPC_URL", help="JSON-RPC endpoint of the chain.")]
File = Annotated[Path, typer.Option(help="The deployment file.")]
DEFAULT_FILE = Path("deployment.json")


@app.command()
def deploy(
    rpc_url: RpcUrl,
    key_file: Annotated[Path, typer.Option(help="One line: the deployer's private key in hex.")],
    chain_id: Annotated[int, typer.Option(help="The chain this is meant for; any other is refused.")],
    owner: Annotated[str, typer.Option(help="Owns the pool: made to be a multisig.")],
    manager: Annotated[
        str, typer.Option(help="Signs invites, sets offers (`linkpool keys` shows its address).")
    ],
    guardian: Annotated[str, typer.Option(help="May pause and revoke the manager.")],
    fee_account: Annotated[str, typer.Option(help="Receives the maker fee.")],
    fee: Annotated[int, typer.Option(help="Maker fee in basis points.")] = 1_000,
    unbonding_days: Annotated[int, typer.Option(help="From asking to leave until it is paid.")] = 7,
    max_nodes: Annotated[int, typer.Option(help="What a stolen manager key could make at most.")] = 110,
    max_capacity: Annotated[str, typer.Option(help="LINK of active stake per node.")] = "100000",
    link_token: Annotated[str | None, typer.Option(help="LINK, where it is not known for the chain.")] = None,
    file: File = DEFAULT_FILE,
    config: Annotated[
        Path, typer.Option(help="Settings for `linkpool control`, written after --send.")
    ] = Path("control.toml"),
    keys_file: Annotated[Path, typer.Option(help="For the settings: the sealed master secret.")] = Path(
        "master.json"
    ),
    passphrase_file: Annotated[
        Path | None, typer.Option(help="For the settings: what opens it, unless KMS does.")
    ] = None,
    state: Annotated[Path, typer.Option(help="For the settings: the control plane's folder.")] = Path(
        "control"
    ),
    send: Annotated[
        bool, typer.Option("--send", help="Really send; without it, only say what would be.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Deploy a pool: a dry run first, then again with --send. Run it again after any stop: it resumes."""
    from linkpool.cli.deployment import Wanted, deploy_pool
    from linkpool.cli.nodes import juels
    from linkpool.contracts.deploy import DAY, Settings

    settings = Settings(
        chain_id=chain_id,
        owner=owner,
        manager=manager,
        guardian=guardian,
        fee_account=fee_account,
        link=link_token,
        fee_bps=fee,
        unbonding=unbonding_days * DAY,
        max_nodes=max_nodes,
        max_capacity=juels(max_capacity),
    )
    wanted = Wanted(file, config, state=state, keys_file=keys_file, passphrase_file=passphrase_file)
    deploy_pool(rpc_url, key_file, settings, wanted, send=send, as_json=json)


@app.command("show")
def show_pool(rpc_url: RpcUrl, file: File = DEFAULT_FILE, json: AsJson = False) -> None:
    """Read everything back from the chain: roles, limits, fee, nodes."""
    from linkpool.cli.deployment import show_pool as show

    show(rpc_url, file, as_json=json)
