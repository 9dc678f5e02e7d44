"""Words for people, which may quote anybody: a data source, a requester, a contract.

PostgreSQL keeps no U+0000, and whoever gets one into an error must not stop the loop that writes it down.
"""

from sqlalchemy import Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Prose(TypeDecorator[str]):
    """A text without a limit; U+0000 is kept as U+FFFD, on every database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Into the database."""
        return None if value is None else value.replace("\0", "\ufffd")
