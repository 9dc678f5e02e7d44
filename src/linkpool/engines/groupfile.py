"""The groups of the local engine on disk: what shall run, and the token that its replicas read.

A group's file is the engine's promise to keep it running; the token is a file of its own (mode 0600), because
replicas are handed its path.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter

from linkpool.engines.protocol import Group
from linkpool.files import write_private

_GROUP = TypeAdapter(Group)


class GroupFolder:
    """Group files and token files; every method may raise OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "groups"

    def prepare(self) -> None:
        """Make the folder."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def all(self) -> Iterator[Group]:
        """Every group that was promised to run. One without its token waits to be ensured again."""
        for name in self.names():
            with suppress(FileNotFoundError):
                token = self.token_path(name).read_text()
                yield _GROUP.validate_python(json.loads(self._path(name).read_bytes()) | {"token": token})

    def names(self) -> list[str]:
        """The promised groups' names."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def write(self, group: Group) -> None:
        """Promise a group; its token is there first."""
        write_private(self.token_path(group.name), group.token)
        write_private(self._path(group.name), _GROUP.dump_json(group, exclude={"token"}).decode())

    def drop(self, name: str) -> None:
        """End the promise: from now on nobody starts a task of the group, and its token is gone."""
        self._path(name).unlink(missing_ok=True)
        self.token_path(name).unlink(missing_ok=True)

    def token_path(self, name: str) -> Path:
        """What the replicas of a group get as `LINKPOOL_TOKEN_FILE`."""
        return self._folder / f"{name}.token"

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"
