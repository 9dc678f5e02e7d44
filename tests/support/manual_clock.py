"""A control plane's clock that moves only when a test says so."""

from dataclasses import dataclass


@dataclass
class ManualClock:
    """Both hands in seconds; the wall may be set to anything, the other one only goes forward."""

    wall: float = 1_800_000_000.0
    steady: float = 1_000.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        assert seconds >= 0
        self.wall += seconds
        self.steady += seconds
