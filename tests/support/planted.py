"""Secrets that a test knows, and where they are found: in any of the ways a program may write them down."""

import base64
import sqlite3
from contextlib import closing
from pathlib import Path

from linkpool.fleet.secrets.keys import Keyring
from linkpool.units import Slot


class Planted:
    """Named secrets; keys are looked for as hex, base64 and raw bytes, texts as they are."""

    def __init__(self, keys: Keyring, **texts: str) -> None:
        named = {
            "master": keys.export().hex(),
            "manager": keys.manager(),
            "treasury": keys.treasury(),
            "wallet": keys.wallet(1),
            "authority": keys.authority().hex(),
            **{f"sender {slot}": keys.sender(1, Slot(slot)) for slot in range(6)},
        }
        self._shapes = {name: _shapes(secret.removeprefix("0x")) for name, secret in named.items()}
        self.add(group=keys.group_token("n1-blue-1"), **texts)

    def add(self, **texts: str) -> None:
        """More secrets that came up on the way."""
        self._shapes |= {name: (text.encode(),) for name, text in texts.items()}

    def within(self, written: bytes | str) -> set[str]:
        """Names of the secrets that stand there."""
        data = written.encode() if isinstance(written, str) else written
        return {name for name, shapes in self._shapes.items() if any(shape in data for shape in shapes)}

    def within_files(self, folder: Path, allowed: dict[str, set[str]]) -> dict[str, set[str]]:
        """By file name, secrets that are not allowed there. SQLite files are also read as SQL."""
        found: dict[str, set[str]] = {}
        for path in folder.rglob("*"):
            if path.is_file():
                names = self.within(path.read_bytes())
                if path.suffix == ".db":
                    names |= self.within(dump(path))
                if names - allowed.get(path.name, set()):
                    found[path.name] = names
        return found


def dump(database: Path) -> str:
    """A SQLite file as SQL."""
    with closing(sqlite3.connect(database)) as connection:
        return "\n".join(connection.iterdump())


def _shapes(secret: str) -> tuple[bytes, ...]:
    raw = bytes.fromhex(secret)
    return (
        secret.encode(),
        secret.upper().encode(),
        base64.b64encode(raw).rstrip(b"="),
        base64.urlsafe_b64encode(raw).rstrip(b"="),
        raw,
    )
