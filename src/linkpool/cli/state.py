"""`linkpool backup`, `restore`, `doctor`: what a control plane keeps, and whether all it needs is well."""

from pathlib import Path
from typing import Annotated

import typer

from linkpool.cli.options import AsJson, Config


def backup(
    config: Config,
    out: Annotated[Path, typer.Option(help="The archive to write (mode 0600).")] = Path(
        "linkpool-backup.tar.gz"
    ),
    json: AsJson = False,
) -> None:
    """Database and sealed master secret in one archive, while the pool runs. The passphrase is not in it."""
    from linkpool.api.settings import Settings
    from linkpool.cli.backup import write_backup
    from linkpool.cli.output import say

    write_backup(Settings.load(config), out)
    text = f"{out}: database and sealed master secret; keep the passphrase elsewhere"
    say(text, as_json=json, file=str(out))


def restore(
    config: Config,
    archive: Annotated[Path | None, typer.Option(help="An archive of `linkpool backup`.")] = None,
    from_chain: Annotated[
        bool, typer.Option("--from-chain", help="From the secret and the chain alone.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Bring a control plane's state back into an empty folder; start it afterwards."""
    import asyncio

    from linkpool.api.settings import Settings
    from linkpool.cli.backup import BadBackup, read_backup, restore_from_chain
    from linkpool.cli.output import say

    if (archive is None) == (not from_chain):
        raise BadBackup("say either --archive FILE or --from-chain")
    settings = Settings.load(config)
    if archive:
        read_backup(settings, archive)
        text = f"restored from {archive} into {settings.state}"
        say(text, as_json=json, state=str(settings.state), archive=str(archive))
        return
    nodes = asyncio.run(restore_from_chain(settings))
    text = "\n".join([*nodes, f"restored {len(nodes)} nodes from the chain into {settings.state}"])
    say(text, as_json=json, state=str(settings.state), nodes=nodes)


def doctor(config: Config, json: AsJson = False) -> None:
    """Look at settings, disk, keys, database, engine, endpoints, clock, pool, gas money; says what to do."""
    import asyncio

    from linkpool.cli.doctor import examine
    from linkpool.cli.findings import report

    raise typer.Exit(0 if report(asyncio.run(examine(config)), as_json=json) else 1)
