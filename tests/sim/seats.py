"""A seat: one host where a task lives, dies, and is started again. Its faults outlive its tasks."""

from collections import Counter
from dataclasses import dataclass, field, replace

from tests.sim.events import FAULTS, Chair, Fault
from tests.sim.replica import Replica
from tests.sim.sources import How, Sources
from tests.support.fake_endpoint import Faults

SOUND = Faults()


@dataclass(eq=False)
class Path:
    """The way from a seat to one endpoint."""

    pushes: bool
    faults: Faults = field(default_factory=Faults)
    struck: Counter[Fault] = field(default_factory=Counter)

    @property
    def sound(self) -> bool:
        """Nothing is wrong with it."""
        return not +self.struck

    def strike(self, fault: Fault) -> None:
        """Something is wrong from now on."""
        self.struck[fault] += 1
        self._set()

    def heal(self, fault: Fault) -> None:
        """It is not any more."""
        self.struck[fault] -= 1
        self._set()

    def _set(self) -> None:
        wrong = {key: value for fault in +self.struck for key, value in FAULTS[fault].items()}
        self.faults.__dict__.update(replace(SOUND, **wrong).__dict__)  # type: ignore[arg-type] - FAULTS names its fields


@dataclass(eq=False)
class Seat:
    """One host. `back`: seconds after which a dead task's successor starts."""

    number: int
    slot: int
    primary: bool
    paths: list[Path]
    sources: Sources
    back: float = 3.0
    lives: int = 0
    replica: Replica | None = None

    @classmethod
    def of(cls, number: int, chair: Chair, latency: float) -> "Seat":
        """As a history wants it."""
        paths = [Path(pushes) for pushes in chair.pushes]
        return cls(number, number, chair.primary, paths, Sources(latency))

    def dry(self, how: How) -> None:
        """The way to the sources is so from now on."""
        self.sources.how = how

    @property
    def sees(self) -> bool:
        """One of its endpoints is sound."""
        return any(path.sound for path in self.paths)

    @property
    def fed(self) -> bool:
        """Its sources do their work, if slowly."""
        return self.sources.how in (How.FINE, How.SLOW)
