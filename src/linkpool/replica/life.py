"""A replica's life: starting -> claiming -> syncing -> serving -> draining -> gone."""

import asyncio
from collections.abc import Callable

import structlog

from linkpool.wire.agent import State

log = structlog.get_logger(__name__)


class Life:
    """The state of one replica. `changed` is called after each change, to tell the control plane at once."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.state = State.STARTING
        self._changed = changed
        self._moved = asyncio.Event()
        self._stopping = False
        self._draining = False
        """Told to drain and not called back: it holds for a replica that does not serve yet, too."""

    def become(self, state: State) -> None:
        """Enter a state; one that was told to drain before it served drains instead of serving."""
        if state is State.SERVING and self._draining:
            state = State.DRAINING
        if state is self.state:
            return
        log.info("state", now=state.value, before=self.state.value)
        self.state = state
        self._moved.set()
        self._moved = asyncio.Event()
        self._changed()

    @property
    def ending(self) -> bool:
        """Told to drain for good: the process ends once nothing is in hand."""
        return self._stopping

    def drain(self, *, for_good: bool = False) -> None:
        """Take nothing new. `for_good` (SIGTERM) cannot be called back by a resume, and ends the process."""
        self._draining, self._stopping = True, self._stopping or for_good
        if self.state is State.SERVING:
            self.become(State.DRAINING)
        elif self.state is not State.DRAINING and for_good:
            self.become(State.GONE)

    def resume(self) -> None:
        """Serve again, unless the process was told to end."""
        if self._stopping:
            return
        self._draining = False
        if self.state is State.DRAINING:
            self.become(State.SERVING)

    async def until(self, *states: State) -> State:
        """Return when in one of `states`."""
        while self.state not in states:
            await self._moved.wait()
        return self.state

    async def gone(self) -> None:
        """Return when the replica has ended."""
        await self.until(State.GONE)
