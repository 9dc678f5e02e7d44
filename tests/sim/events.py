"""What can happen in a history: each event is plain data, printed as the code that makes it.

`at` and `seconds` are seconds from the start. An event that lasts gives back how it ends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tests.sim.named import Named
from tests.sim.sources import How, Job

if TYPE_CHECKING:
    from tests.sim.world import World

End = Callable[[], None] | None


class Event(Protocol):
    """Something that happens."""

    at: float

    def happen(self, world: "World") -> tuple[float, End]:
        """Do it; returns for how many seconds it lasts, and what ends it."""
        ...


# --- requesters -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ask:
    """`count` requests in one block. `again`: with the ids of earlier ones, where those have ended."""

    at: float
    count: int = 1
    job: Job = Job.PLAIN
    covered: bool = False
    again: bool = False

    def happen(self, world: "World") -> tuple[float, End]:
        """Put them into the mempool."""
        world.requesters.ask(self)
        return 0, None


# --- the chain ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reorg:
    """The last `depth` blocks are replaced; `lossy`: some of their transactions are forgotten."""

    at: float
    depth: int = 1
    lossy: bool = False

    def happen(self, world: "World") -> tuple[float, End]:
        """Replace them."""
        world.reorg(self.depth, lossy=self.lossy)
        return 0, None


@dataclass(frozen=True)
class Evict:
    """The mempool forgets the replicas' transactions."""

    at: float

    def happen(self, world: "World") -> tuple[float, End]:
        """Forget them."""
        for tx in [tx for tx in world.chain.mempool.values() if world.is_ours(tx)]:
            world.chain.evict(tx.hash)
        return 0, None


@dataclass(frozen=True)
class Shun:
    """Blocks come without any transaction of a replica."""

    at: float
    seconds: float

    def happen(self, world: "World") -> tuple[float, End]:
        """Begin."""
        world.shun += 1
        return self.seconds, lambda: setattr(world, "shun", world.shun - 1)


@dataclass(frozen=True)
class Spike:
    """The base fee is so many times higher."""

    at: float
    seconds: float
    factor: int = 20

    def happen(self, world: "World") -> tuple[float, End]:
        """Begin."""
        world.spikes.append(self.factor)
        world.price()

        def end() -> None:
            world.spikes.remove(self.factor)
            world.price()

        return self.seconds, end


@dataclass(frozen=True)
class Broke:
    """The sender of a slot has no money."""

    at: float
    seconds: float
    slot: int = 0

    def happen(self, world: "World") -> tuple[float, End]:
        """Take it away."""
        world.broke.append(self.slot)
        world.fund()

        def end() -> None:
            world.broke.remove(self.slot)
            world.fund()

        return self.seconds, end


# --- endpoints and sources ------------------------------------------------------------------------


class Fault(Named):
    """What can be wrong with an endpoint."""

    HANG = "hang"
    MUTE = "mute"
    MUTE_LOGS = "mute_logs"
    LOSSY = "lossy"
    JITTER = "jitter"
    FAIL = "fail"
    GARBAGE = "garbage"
    LAG = "lag"
    FAR_LAG = "far_lag"
    SWALLOW = "swallow"
    RANGE = "range"
    HIDE = "hide"
    SLOW = "slow"


FAULTS: dict[Fault, dict[str, float | bool | int]] = {
    Fault.HANG: {"hang": True},
    Fault.MUTE: {"mute": True},
    Fault.MUTE_LOGS: {"mute_logs": True},
    Fault.LOSSY: {"drop": 0.3, "duplicate": 0.3},
    Fault.JITTER: {"jitter": 1.5},
    Fault.FAIL: {"fail": 0.5},
    Fault.GARBAGE: {"garbage": 0.5},
    Fault.LAG: {"lag": 2},
    Fault.FAR_LAG: {"lag": 50},
    Fault.SWALLOW: {"swallow": True},
    Fault.RANGE: {"max_range": 10},
    Fault.HIDE: {"hide_logs": True},
    Fault.SLOW: {"latency": 1.0},
}


@dataclass(frozen=True)
class Trouble:
    """An endpoint of a seat (or, with -1, all of them) has a fault."""

    at: float
    seconds: float
    seat: int = 0
    endpoint: int = -1
    fault: Fault = Fault.HANG

    def happen(self, world: "World") -> tuple[float, End]:
        """Begin."""
        seat = world.seat(self.seat)
        struck = seat.paths if self.endpoint < 0 else [seat.paths[self.endpoint % len(seat.paths)]]
        for path in struck:
            path.strike(self.fault)
        return self.seconds, lambda: [path.heal(self.fault) for path in struck] and None


@dataclass(frozen=True)
class Drought:
    """The sources of a seat, or of all (-1), do not do their work."""

    at: float
    seconds: float
    seat: int = -1
    how: How = How.FAILS

    def happen(self, world: "World") -> tuple[float, End]:
        """Begin."""
        struck = world.seats if self.seat < 0 else [world.seat(self.seat)]
        for seat in struck:
            seat.dry(self.how)
        return self.seconds, lambda: [seat.dry(How.FINE) for seat in struck] and None


# --- replicas -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kill:
    """kill -9, and a fresh copy `back` seconds later, at its own slot or at that of another seat.

    `calls`: not now, but at so many calls of the chain from now (0: now), `after` or before the effect.
    """

    at: float
    seat: int = 0
    back: float = 3.0
    calls: int = 0
    after: bool = False
    noticed: bool = True
    slot: int | None = None

    def happen(self, world: "World") -> tuple[float, End]:
        """Kill it, or arm it."""
        seat = world.seat(self.seat)
        if self.slot is not None:
            seat.slot = self.slot
        seat.back = self.back
        if seat.replica and self.calls:
            seat.replica.arm(self.calls, after=self.after, noticed=self.noticed)
        elif seat.replica:
            seat.replica.kill(noticed=self.noticed)
        return 0, None


@dataclass(frozen=True)
class Blackout:
    """All replicas die at the same moment, and fresh copies start `back` seconds later."""

    at: float
    back: float = 3.0

    def happen(self, world: "World") -> tuple[float, End]:
        """Kill them."""
        for seat in world.seats:
            seat.back = self.back
            if seat.replica:
                seat.replica.kill(noticed=True)
        return 0, None


@dataclass(frozen=True)
class Leave:
    """A seat's replica is drained, and called back after `seconds`. `ends`: by SIGTERM, so for good."""

    at: float
    seconds: float
    seat: int = 0
    ends: bool = False

    def happen(self, world: "World") -> tuple[float, End]:
        """Order it."""
        seat = world.seat(self.seat)
        if self.ends:
            if seat.replica:
                seat.replica.terminate()
            return 0, None
        world.plane.drain(self.seat % len(world.seats))
        return self.seconds, lambda: world.plane.drain(self.seat % len(world.seats), resume=True)


# --- the control plane ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Cut:
    """A seat cannot hear the control plane, nor be heard."""

    at: float
    seconds: float
    seat: int = 0

    def happen(self, world: "World") -> tuple[float, End]:
        """Begin."""
        seat = self.seat % len(world.seats)
        world.plane.cut(seat, off=True)
        return self.seconds, lambda: world.plane.cut(seat, off=False)


class Word(Named):
    """What a control plane does besides."""

    ECHO = "echo"
    ELECT = "elect"
    SWITCH = "switch"
    PUBLISH = "publish"
    PROBE = "probe"


@dataclass(frozen=True)
class Say:
    """Old words again, a new leader, other colours, the next catalog, a probe."""

    at: float
    word: Word = Word.ECHO

    def happen(self, world: "World") -> tuple[float, End]:
        """Say it."""
        getattr(world.plane, self.word.value)()
        return 0, None


# --- a whole history ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chair:
    """One place where replicas live: its colour, and which of its endpoints push."""

    primary: bool = True
    pushes: tuple[bool, ...] = (True, True)


@dataclass(frozen=True)
class History:
    """A world and what happens in it. Times in seconds; blocks are stamped up to `drift` too late.

    `gas_limit` is a block's, `link_price` wei per LINK; `delay` (longest) and `loss` (share) are those of the
    control plane's lines, `source` is how long a source takes.
    """

    chairs: tuple[Chair, ...] = (Chair(), Chair())
    events: tuple[Event, ...] = ()
    block_time: int = 4
    gas_limit: int = 30_000_000
    link_price: str | None = None
    delay: float = 0.05
    loss: float = 0.0
    source: float = 0.1
    drift: int = 0
    seed: int = 0
