"""Start PostgreSQL, made on first start: the part of the official image's contract that a pool uses.

POSTGRES_USER, POSTGRES_DB (the user's name by default), POSTGRES_PASSWORD_FILE, PGDATA.
"""

import os
import subprocess
import sys
from pathlib import Path

PROGRAMS = Path(os.environ["PG_PROGRAMS"])
DATA = Path(os.environ["PGDATA"])
USER = os.environ.get("POSTGRES_USER", "postgres")
DATABASE = os.environ.get("POSTGRES_DB", USER)


def main() -> None:
    """Make the cluster if there is none, then become the server."""
    if not (DATA / "PG_VERSION").exists():
        make()
    server = PROGRAMS / "postgres"
    os.execv(server, [str(server), "-D", str(DATA), "-c", "listen_addresses=*", "-k", "/tmp"])  # noqa: S108 - its own


def make() -> None:
    """A cluster whose user comes with the password of the file, from anywhere; and its database."""
    password = os.environ.get("POSTGRES_PASSWORD_FILE")
    if not password:
        sys.exit("POSTGRES_PASSWORD_FILE is not set: name a file (a secret) whose first line is the password")
    options = ["-D", str(DATA), "-U", USER, f"--pwfile={password}", "-E", "UTF8", "--locale=C"]
    subprocess.run([PROGRAMS / "initdb", *options, "--auth=scram-sha-256", "--no-instructions"], check=True)
    with (DATA / "pg_hba.conf").open("a") as rules:
        rules.write("host all all all scram-sha-256\n")
    if DATABASE != "postgres":
        statement = f'CREATE DATABASE "{DATABASE}"\n'.encode()
        single = [PROGRAMS / "postgres", "--single", "-D", str(DATA), "postgres"]
        subprocess.run(single, input=statement, check=True)


if __name__ == "__main__":
    main()
