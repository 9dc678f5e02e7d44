"""Secrets that a process gets in its environment, as ECS hands them out, become files of its own.

Whatever the command: beside control planes there are one-off tasks of the same definition (docs/aws.md).
The files live in memory, so that the container's root stays read-only and nothing is left on a disk, and the
contents leave the environment, so that no child process gets them.
"""

import os
from collections.abc import MutableMapping

CONFIG_FILE = "LINKPOOL_CONFIG_FILE"
"""In place of `--config`. What else is in the environment outranks the file, as it does any settings file."""
FILES = {
    "LINKPOOL_KEYS": "LINKPOOL_KEYS_FILE",
    "LINKPOOL_ADMIN_TOKEN": "LINKPOOL_ADMIN_TOKEN_FILE",
    "LINKPOOL_CONFIG": CONFIG_FILE,
}
"""Variables that hold a file's content, and those that name the file."""


def unpack(environment: MutableMapping[str, str]) -> None:
    """Replace contents by names of files that last as long as this process."""
    for given, named in FILES.items():
        if content := environment.pop(given, None):
            environment[named] = _in_memory(given, content)


def _in_memory(name: str, content: str) -> str:
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
    os.write(descriptor, content.encode())
    return f"/proc/self/fd/{descriptor}"
