"""When each seat was good: the stretches of time in which its replica could be asked to answer.

A seat is good while its replica serves (started, synced, not draining), one of its endpoints is sound the
whole time, its sources work, its sender has money and no other replica has the same one, and the chain takes
its transactions (no spike, nobody shuns them). Whatever changes that ends the stretch, and so does a re-org,
from the oldest block that it replaced.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sim.seats import Seat
    from tests.sim.world import World

BLIND_SECONDS = 120.0
"""After its endpoints were unsound a replica may take so long to know the time again."""


@dataclass(frozen=True)
class Stretch:
    """A seat was good from `start` to `end`, in seconds from the world's start."""

    seat: int
    task: str
    start: float
    end: float


class Stretches:
    """Watches the seats; `look` before and after anything changes."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._since: dict[tuple[int, str, int], float] = {}
        self.past: list[Stretch] = []
        self._blind: dict[int, float] = {}

    def look(self) -> None:
        """Begin and end stretches as the world is now."""
        now = self._world.now
        good = {key for seat in self._world.seats for key in self._keys(seat)}
        for key in [one for one in self._since if one not in good]:
            self._end(key, now)
        for key in good:
            self._since.setdefault(key, now)
        for seat in self._world.seats:
            if not all(path.sound for path in seat.paths):
                self._blind[seat.number] = now

    def break_off(self, since: float) -> None:
        """All that was good is good only until `since`, and from now on anew."""
        for key in list(self._since):
            self._end(key, since)
        self.look()

    def blind(self, before: float) -> bool:
        """Some endpoint of some seat was not sound in the two minutes before that moment, or later."""
        return any(before - seen < BLIND_SECONDS for seen in self._blind.values())

    def close(self) -> None:
        """The world ends."""
        for key in list(self._since):
            self._end(key, self._world.now)

    def _end(self, key: tuple[int, str, int], end: float) -> None:
        start = self._since.pop(key)
        if end > start:
            self.past.append(Stretch(key[0], key[1], start, end))

    def _keys(self, seat: "Seat") -> list[tuple[int, str, int]]:
        """One for each sound endpoint of a good seat: it must be the same one all the time."""
        world, replica = self._world, seat.replica
        if replica is None or not replica.serving or not seat.fed:
            return []
        shared = any(other is not seat and other.slot == seat.slot for other in world.seats)
        if world.spikes or world.shun or shared or seat.slot in world.broke:
            return []
        return [(seat.number, replica.task, i) for i, path in enumerate(seat.paths) if path.sound]
