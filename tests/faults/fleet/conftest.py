"""One running pool per module; each test leaves it with two replicas serving."""

from tests.faults.pool.conftest import pool

__all__ = ["pool"]
