"""All commands of `linkpool`, one sub-command group per noun."""

from pathlib import Path
from typing import Annotated

import typer

from linkpool.cli import (
    aws,
    bridge,
    catalog,
    config,
    economics,
    engine,
    figures,
    fleet,
    guard,
    job,
    keys,
    node,
    pool,
    relay,
    release,
    rollout,
    scale,
    simulate,
    state,
    token,
    treasury,
    upgrade,
)
from linkpool.cli.given import CONFIG_FILE

app = typer.Typer(
    name="linkpool",
    help="A pool of Chainlink-compatible oracle nodes that anyone can stake on.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


app.add_typer(node.app, name="node")
app.command()(node.operation)
app.command()(upgrade.upgrade)
app.add_typer(rollout.app, name="rollout")
app.add_typer(release.app, name="release")
app.add_typer(figures.app, name="figures")
app.add_typer(engine.app, name="engine")
app.add_typer(aws.app, name="aws")
app.add_typer(scale.app, name="scale")
app.add_typer(guard.app, name="guard")
app.add_typer(treasury.app, name="treasury")
app.command()(economics.economics)
app.command()(simulate.simulate)
app.add_typer(keys.app, name="keys")
app.add_typer(config.app, name="config")
app.add_typer(token.app, name="token")
app.command()(fleet.status)
app.command()(fleet.alarms)
app.command()(fleet.events)
app.command()(fleet.logs)
app.command()(token.audit)
app.command()(state.backup)
app.command()(state.restore)
app.command()(state.doctor)
app.command()(relay.relay)
app.add_typer(catalog.app, name="catalog")
app.add_typer(job.app, name="job")
app.add_typer(bridge.app, name="bridge")
app.add_typer(pool.app, name="pool")


@app.command()
def dev(
    check: Annotated[bool, typer.Option(help="No table: run the proof, then stop.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="With --check: one JSON object as the last line.")
    ] = False,
    requests: Annotated[int, typer.Option(min=2, help="With --check: how many requests to send.")] = 30,
    state: Annotated[Path, typer.Option(help="Where keys, logs and the deployment file go.")] = Path(
        ".linkpool"
    ),
    chain_port: Annotated[int, typer.Option(help="Port of the dev chain; 0 takes a free one.")] = 8545,
    port: Annotated[int, typer.Option(help="Port of the control plane; 0 takes a free one.")] = 8700,
    relay: Annotated[
        bool, typer.Option("--relay", help="Put a relay between the chain and everybody.")
    ] = False,
    fund: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Your own wallet: it gets 10,000 LINK and coins for gas."),
    ] = None,
) -> None:
    """Run a whole pool on this machine: dev chain, contracts, control plane, one node of two replicas."""
    from linkpool.dev.command import Options, run
    from linkpool.dev.up import Ports

    ports = Ports(chain=chain_port, control=port)
    wanted = Options(
        state=state, ports=ports, check=check, json=json, relay=relay, requests=requests, fund=fund
    )
    raise typer.Exit(run(wanted))


@app.command()
def replica(
    config: Annotated[
        Path | None, typer.Option(help="Run alone, as this file says; without it, as the environment says.")
    ] = None,
) -> None:
    """Run one oracle process. Engines start it; with --config it runs alone, without a control plane."""
    from linkpool.replica.main import main

    raise typer.Exit(main(config))


@app.command()
def control(
    config: Annotated[
        Path | None,
        typer.Option(envvar=CONFIG_FILE, help="Settings in TOML; LINKPOOL_* in the environment outrank it."),
    ] = None,
) -> None:
    """Run a control plane: API, pages, and the loops that keep every node alive."""
    from linkpool.cli.control import run

    raise typer.Exit(run(config))
