"""`linkpool keys`: the one master secret that every key of a pool comes from."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The master secret that every key of a pool comes from.", no_args_is_help=True)

File = Annotated[Path, typer.Option(help="The sealed master secret.")]
Passphrase = Annotated[
    Path, typer.Option("--passphrase-file", help="File whose first line is the passphrase.")
]
MaybePassphrase = Annotated[
    Path | None, typer.Option("--passphrase-file", help="File whose first line is the passphrase.")
]
KmsKey = Annotated[str | None, typer.Option(help="ARN of an AWS KMS key, in place of a passphrase.")]
DEFAULT_FILE = Path("master.json")


@app.command()
def init(passphrase_file: MaybePassphrase = None, kms_key: KmsKey = None, file: File = DEFAULT_FILE) -> None:
    """Make a new master secret and seal it. Shows the addresses a pool is deployed with."""
    from linkpool.cli.secrets import addresses, write_sealed
    from linkpool.fleet.keys import Keyring, new_master

    master = new_master()
    opener = write_sealed(master, file, passphrase_file, kms_key)
    print(f"sealed in {file}; without it and {opener} the pool's keys are lost: back both up, apart")
    addresses(Keyring(master))


@app.command()
def verify(passphrase_file: MaybePassphrase = None, file: File = DEFAULT_FILE) -> None:
    """Open the master secret, and show the addresses it makes."""
    from linkpool.cli.secrets import addresses
    from linkpool.fleet.sealed import open_keys

    addresses(open_keys(file, passphrase_file))


@app.command("rotate-passphrase")
def rotate_passphrase(
    passphrase_file: Passphrase,
    new_passphrase_file: Annotated[Path, typer.Option(help="File whose first line is the new passphrase.")],
    file: File = DEFAULT_FILE,
) -> None:
    """Seal the same master secret under a new passphrase."""
    from linkpool.cli.secrets import passphrase
    from linkpool.fleet.keys import reseal

    reseal(passphrase(passphrase_file), passphrase(new_passphrase_file), file)
    print(f"{file} now opens with the passphrase in {new_passphrase_file}")


@app.command()
def export(
    passphrase_file: MaybePassphrase = None,
    file: File = DEFAULT_FILE,
    yes: Annotated[bool, typer.Option("--yes", help="Really print it.")] = False,
) -> None:
    """Print the master secret itself, for a back-up on paper."""
    from linkpool.fleet.sealed import open_keys

    if not yes:
        print(
            "this prints the secret that everything hangs on; say --yes where nobody looks over your shoulder"
        )
        raise typer.Exit(1)
    print(open_keys(file, passphrase_file).export().hex())


@app.command("import")
def import_secret(
    secret_file: Annotated[Path, typer.Option(help="File with the exported secret, 64 hex digits.")],
    passphrase_file: MaybePassphrase = None,
    kms_key: KmsKey = None,
    file: File = DEFAULT_FILE,
) -> None:
    """Seal a master secret that was exported; also the way from a passphrase to KMS, and back."""
    from linkpool.cli.secrets import addresses, exported, write_sealed
    from linkpool.fleet.keys import Keyring

    master = exported(secret_file)
    write_sealed(master, file, passphrase_file, kms_key)
    addresses(Keyring(master))
