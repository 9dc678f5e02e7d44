"""`linkpool backup`, `restore`, `doctor`: what a control plane keeps, and whether all it needs is well."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Option(help="The control plane's settings file.")]


def backup(
    config: Config,
    out: Annotated[Path, typer.Option(help="The archive to write (mode 0600).")] = Path(
        "linkpool-backup.tar.gz"
    ),
) -> None:
    """Database and sealed master secret in one archive, while the pool runs. The passphrase is not in it."""
    from linkpool.api.settings import Settings
    from linkpool.cli.backup import write_backup

    write_backup(Settings.load(config), out)
    print(f"{out}: database and sealed master secret; keep the passphrase elsewhere")


def restore(
    config: Config,
    archive: Annotated[Path | None, typer.Option(help="An archive of `linkpool backup`.")] = None,
    from_chain: Annotated[
        bool, typer.Option("--from-chain", help="From the secret and the chain alone.")
    ] = False,
) -> None:
    """Bring a control plane's state back into an empty folder; start it afterwards."""
    import asyncio

    from linkpool.api.settings import Settings
    from linkpool.cli.backup import BadBackup, read_backup, restore_from_chain

    if (archive is None) == (not from_chain):
        raise BadBackup("say either --archive FILE or --from-chain")
    settings = Settings.load(config)
    if archive:
        read_backup(settings, archive)
        print(f"restored from {archive} into {settings.state}")
        return
    for node in asyncio.run(restore_from_chain(settings)):
        print(node)


def doctor(config: Config) -> None:
    """Look at settings, disk, keys, database, endpoints, pool, gas money; says what to do about each."""
    import asyncio

    from linkpool.cli.doctor import examine

    findings = asyncio.run(examine(config))
    for finding in findings:
        print(f"{'ok ' if finding.good else 'BAD'} {finding.what:12} {finding.text}")
    raise typer.Exit(0 if all(finding.good for finding in findings) else 1)
