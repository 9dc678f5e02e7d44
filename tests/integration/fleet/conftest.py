"""Each test here that takes a database runs on both."""

from tests.support.databases import cluster, database, in_memory, url
from tests.support.house import house

__all__ = ["cluster", "database", "house", "in_memory", "url"]
