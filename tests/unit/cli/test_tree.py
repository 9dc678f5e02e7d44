"""The whole tree of commands: each says what it does, and gives JSON to programs."""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from linkpool.cli.app import app

WITHOUT_JSON = {
    "replica": "a process that serves; its log is JSON lines already",
    "control": "the same",
    "relay": "the same",
}
"""Commands that give no JSON, and why."""


def commands(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for name, each in command.commands.items():
            yield from commands(each, f"{path} {name}".strip())
    else:
        yield path, command


TREE = dict(commands(get_command(app)))


@pytest.mark.parametrize("path", TREE)
def test_every_command_gives_json_and_says_what_it_does(path: str) -> None:
    options = {option for parameter in TREE[path].params for option in parameter.opts}
    assert ("--json" in options) != (path in WITHOUT_JSON), f"`linkpool {path}` needs `json: AsJson`"
    assert TREE[path].help, f"`linkpool {path}` needs a docstring"
    for parameter in TREE[path].params:
        if parameter.param_type_name == "option":
            assert parameter.help, f"`linkpool {path}` {parameter.opts[0]} needs help"


def test_the_tree_is_the_whole_of_it() -> None:
    assert {"status", "node list", "token revoke", "figures history", "pool deploy"} <= TREE.keys()
