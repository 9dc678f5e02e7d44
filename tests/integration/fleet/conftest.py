"""Each test here that takes a database runs on both."""

from tests.support.databases import cluster, database, url
from tests.support.house import house

__all__ = ["cluster", "database", "house", "url"]
