"""Secrets that a control plane gets in its environment, as ECS hands them out, become files of its own.

They live in memory, so that the container's root stays read-only and nothing is left on a disk, and they
leave the environment, so that no child process gets them.
"""

import os
from collections.abc import MutableMapping

CONFIG = "LINKPOOL_CONFIG"
"""The settings file's content. What else is in the environment outranks it, as it does any settings file."""
FILES = {"LINKPOOL_KEYS": "LINKPOOL_KEYS_FILE", "LINKPOOL_ADMIN_TOKEN": "LINKPOOL_ADMIN_TOKEN_FILE"}
"""Variables that hold a file's content, and the settings that name the file."""


def unpack(environment: MutableMapping[str, str]) -> str | None:
    """Replace contents by names of files that last as long as this process; the settings file's name."""
    for given, named in FILES.items():
        if content := environment.pop(given, None):
            environment[named] = _in_memory(given, content)
    content = environment.pop(CONFIG, None)
    return _in_memory(CONFIG, content) if content else None


def _in_memory(name: str, content: str) -> str:
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
    os.write(descriptor, content.encode())
    return f"/proc/self/fd/{descriptor}"
