"""A process that dies at its n-th step: every call to the world goes through a fuse.

    fuse = Fuse(after=7)            # the 7th call happens, then the process is dead
    fuse = Fuse(before=7)           # the 7th call does not happen any more

`Crash` is no Exception, so nothing in the code under test can catch it by accident; whatever the dying
process still tries in its `finally` blocks fails the same way.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.chain.rpc import Call, Rpc
from linkpool.engines.protocol import Engine, EngineUnreachable, Group, Task
from linkpool.store.database import Database


class Crash(BaseException):
    """The process is gone."""


class Fuse:
    """Counts steps; never blows when neither number is given."""

    def __init__(self, *, before: int | None = None, after: int | None = None) -> None:
        self._before = before
        self._after = after
        self.steps = 0
        self.blown = False

    def enter(self) -> None:
        """A step is about to happen."""
        self.steps += 1
        if self.blown or self.steps == self._before:
            self.blown = True
            raise Crash

    def leave(self) -> None:
        """It has happened."""
        if self.blown or self.steps == self._after:
            self.blown = True
            raise Crash

    async def step(self, action: Callable[[], Awaitable[Any]]) -> Any:
        """One call to the world."""
        self.enter()
        try:
            return await action()
        finally:
            self.leave()


class FusedDatabase(Database):
    """A transaction that is entered after the crash never begins; one that ended before it is kept."""

    def __init__(self, url: str, fuse: Fuse) -> None:
        super().__init__(url)
        self._fuse = fuse

    def through(self, fuse: Fuse) -> None:
        """From now on it is another process's: what was opened before is closed."""
        self._fuse = fuse

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        self._fuse.enter()
        async with super().write() as session:
            yield session
        self._fuse.leave()


class FusedRpc:
    """An `Rpc` whose calls are steps."""

    def __init__(self, rpc: Rpc, fuse: Fuse) -> None:
        self._rpc = rpc
        self._fuse = fuse

    async def call(self, method: str, *params: Any) -> Any:
        return await self._fuse.step(lambda: self._rpc.call(method, *params))

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        results: list[Any] = await self._fuse.step(lambda: self._rpc.batch(calls))
        return results


class FusedEngine:
    """An `Engine` whose changes are steps."""

    def __init__(self, engine: Engine, fuse: Fuse) -> None:
        self._engine = engine
        self._fuse = fuse

    async def ensure(self, group: Group) -> None:
        await self._fuse.step(lambda: self._engine.ensure(group))

    async def remove(self, group: str, grace: float) -> None:
        await self._fuse.step(lambda: self._engine.remove(group, grace))

    async def tasks(self) -> list[Task]:
        tasks: list[Task] = await self._fuse.step(self._engine.tasks)
        return tasks

    async def room(self) -> int | None:
        return await self._engine.room()

    async def replace(self, task: str, why: str) -> None:
        await self._fuse.step(lambda: self._engine.replace(task, why))


class Fault:
    """One call of an engine goes wrong: it is not done, or it is done and nobody hears so.

    fault = Fault(call=3)                   # the third call fails
    fault = Fault(call=3, done=True)        # it succeeds without an answer
    """

    def __init__(self, *, call: int | None = None, done: bool = False) -> None:
        self._call = call
        self._done = done
        self.calls: list[str] = []

    async def step(self, name: str, action: Callable[[], Awaitable[Any]]) -> Any:
        """One call. Raises EngineUnreachable when it is that one."""
        self.calls.append(name)
        if len(self.calls) != self._call:
            return await action()
        if self._done:
            await action()
        raise EngineUnreachable("the engine did not answer in time")


class FaultyEngine:
    """An `Engine` of which one call goes wrong."""

    def __init__(self, engine: Engine, fault: Fault) -> None:
        self._engine = engine
        self._fault = fault

    async def ensure(self, group: Group) -> None:
        await self._fault.step("ensure", lambda: self._engine.ensure(group))

    async def remove(self, group: str, grace: float) -> None:
        await self._fault.step("remove", lambda: self._engine.remove(group, grace))

    async def tasks(self) -> list[Task]:
        tasks: list[Task] = await self._fault.step("tasks", self._engine.tasks)
        return tasks

    async def room(self) -> int | None:
        room: int | None = await self._fault.step("room", self._engine.room)
        return room

    async def replace(self, task: str, why: str) -> None:
        await self._fault.step("replace", lambda: self._engine.replace(task, why))
