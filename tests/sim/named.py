"""Enumerations that print as the code that names them, so that a printed history can be played again."""

from enum import StrEnum


class Named(StrEnum):
    """`Job.PLAIN`, not `<Job.PLAIN: 'plain'>`."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"
