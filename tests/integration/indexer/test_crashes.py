"""An indexer that dies at any step leaves tables from which the next one arrives at the right rows."""

from contextlib import suppress
from pathlib import Path

from linkpool.store.database import Database
from tests.support.fuse import Crash, Fuse, FusedDatabase, FusedRpc
from tests.support.indexing import catch_up, indexer, lead, living_pool, tables, wrong
from tests.support.pool_life import PoolLife

GONE, MORE = 5, 9


async def _follow(url: str, life: PoolLife, epoch: int, fuse: Fuse) -> None:
    """Read up to the head, unless the process dies on the way."""
    database = FusedDatabase(url, fuse)
    with suppress(Crash):
        await catch_up(indexer(database, life, epoch, FusedRpc(life.chain, fuse)))
    await database.close()


async def _history(url: str, fuse: Fuse) -> dict[str, list[tuple[object, ...]]]:
    """Some blocks are followed, others take their place, the fuse may blow: all rows at the end."""
    database = Database(url)
    await database.migrate()
    epoch, life = await lead(database), living_pool(seed=5)
    with life.chain.fork():
        for _ in range(GONE):
            life.block(acts=8)
        await _follow(url, life, epoch, fuse)
    for _ in range(MORE):
        life.block(acts=8)
    await _follow(url, life, epoch, fuse)
    await catch_up(indexer(database, life, await lead(database)))
    assert await wrong(database, life) == []
    found = await tables(database)
    await database.close()
    return found


async def test_a_crash_at_any_step_loses_and_doubles_nothing(tmp_path: Path) -> None:
    whole = Fuse()
    expected = await _history(f"sqlite:///{tmp_path / 'whole.db'}", whole)
    assert whole.steps >= 8
    for step in range(1, whole.steps + 1):
        for name, fuse in (("before", Fuse(before=step)), ("after", Fuse(after=step))):
            found = await _history(f"sqlite:///{tmp_path / f'{name}{step}.db'}", fuse)
            assert fuse.blown
            assert found == expected, f"died {name} step {step}"
