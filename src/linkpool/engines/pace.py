"""How fast tasks are started: each start takes a core for most of a second, and the machine serves meanwhile.

Twenty starts at once end no sooner than twenty one after the other, and until then everything else that runs
there gets a twentieth of its time: replicas answer late, and the control plane loses its lease.
"""

from collections import deque

START_SECONDS = 1.0
"""What one start is given of a core, with some of it left for those that serve."""


class Pace:
    """So many starts in any `START_SECONDS`, no more."""

    def __init__(self, places: int) -> None:
        self._begun: deque[float] = deque(maxlen=places)

    def turn(self, now: float) -> float:
        """0.0: start now, it is counted; else the seconds after which to ask again.

        now: monotonic seconds.
        """
        if len(self._begun) == self._begun.maxlen:
            wait = self._begun[0] + START_SECONDS - now
            if wait > 0.0:
                return wait
        self._begun.append(now)
        return 0.0
