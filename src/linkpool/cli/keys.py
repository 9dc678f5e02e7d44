"""`linkpool keys`: the one master secret that every key of a pool comes from."""

from pathlib import Path
from typing import Annotated

import typer

from linkpool.cli.options import AsJson

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
def init(
    passphrase_file: MaybePassphrase = None,
    kms_key: KmsKey = None,
    file: File = DEFAULT_FILE,
    json: AsJson = False,
) -> None:
    """Make a new master secret and seal it. Shows the addresses a pool is deployed with."""
    from linkpool.cli.secrets import show_addresses, write_sealed
    from linkpool.fleet.secrets.keys import Keyring, new_master

    master = new_master()
    opener = write_sealed(master, file, passphrase_file, kms_key)
    if not json:
        print(f"sealed in {file}; without it and {opener} the pool's keys are lost: back both up, apart")
    show_addresses(Keyring(master), as_json=json, file=str(file))


@app.command()
def verify(passphrase_file: MaybePassphrase = None, file: File = DEFAULT_FILE, json: AsJson = False) -> None:
    """Open the master secret, and show the addresses it makes."""
    from linkpool.cli.secrets import show_addresses
    from linkpool.fleet.secrets.sealed import open_keys

    show_addresses(open_keys(file, passphrase_file), as_json=json, file=str(file))


@app.command("rotate-passphrase")
def rotate_passphrase(
    passphrase_file: Passphrase,
    new_passphrase_file: Annotated[Path, typer.Option(help="File whose first line is the new passphrase.")],
    file: File = DEFAULT_FILE,
    json: AsJson = False,
) -> None:
    """Seal the same master secret under a new passphrase."""
    from linkpool.cli.output import say
    from linkpool.cli.secrets import passphrase
    from linkpool.fleet.secrets.keys import reseal

    reseal(passphrase(passphrase_file), passphrase(new_passphrase_file), file)
    text = f"{file} now opens with the passphrase in {new_passphrase_file}"
    say(text, as_json=json, file=str(file), passphrase_file=str(new_passphrase_file))


@app.command()
def export(
    passphrase_file: MaybePassphrase = None,
    file: File = DEFAULT_FILE,
    yes: Annotated[bool, typer.Option("--yes", help="Really print it.")] = False,
    json: AsJson = False,
) -> None:
    """Print the master secret itself, for a back-up on paper."""
    from linkpool.cli.output import say
    from linkpool.cli.secrets import BadSecret
    from linkpool.fleet.secrets.sealed import open_keys

    if not yes:
        raise BadSecret(
            "this prints the secret that everything hangs on; say --yes where nobody looks over your shoulder"
        )
    secret = open_keys(file, passphrase_file).export().hex()
    say(secret, as_json=json, secret=secret)


@app.command("import")
def import_secret(
    secret_file: Annotated[Path, typer.Option(help="File with the exported secret, 64 hex digits.")],
    passphrase_file: MaybePassphrase = None,
    kms_key: KmsKey = None,
    file: File = DEFAULT_FILE,
    json: AsJson = False,
) -> None:
    """Seal a master secret that was exported; also the way from a passphrase to KMS, and back."""
    from linkpool.cli.secrets import exported, show_addresses, write_sealed
    from linkpool.fleet.secrets.keys import Keyring

    master = exported(secret_file)
    write_sealed(master, file, passphrase_file, kms_key)
    show_addresses(Keyring(master), as_json=json, file=str(file))
