"""Each test here runs on both databases."""

from tests.support.databases import cluster, database, url

__all__ = ["cluster", "database", "url"]
