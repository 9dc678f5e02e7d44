"""What a leader tells single replicas to do: show that they are well, drain, serve again.

An order is said once on a line, and again on a new line: a replica that dials anew may have missed it. The
stamps of drains and resumes grow together, so that the later order holds.
"""

from collections.abc import Iterable
from itertools import count

from linkpool.fleet.agents.hub import Hub
from linkpool.fleet.agents.sessions import Session
from linkpool.fleet.office import Office
from linkpool.wire.agent import Drain, Probe, Probed, Resume, State

PROBE_AGAIN = 5.0
"""Seconds after which a probe that failed is asked for again."""
PROBE_WITHIN = 90.0
"""Seconds after which one that was not answered is."""


class Orders:
    """The orders of one term."""

    def __init__(self, office: Office, hub: Hub) -> None:
        self._hub = hub
        self._office = office
        self._versions = count(1)

    def drain(self, tasks: Iterable[str]) -> bool:
        """Have them take nothing new; true once nothing is in their hands.

        One that is not on the line still does what it was told before: it has not drained.
        """
        drained = True
        for session in self._sessions(tasks):
            if session is not None and not isinstance(session.told, Drain):
                self._tell(session, Drain(epoch=self._office.epoch, version=next(self._versions)))
            drained = drained and session is not None and _drained(session)
        return drained

    def resume(self, tasks: Iterable[str]) -> None:
        """Have them serve again, if anybody told them to drain."""
        for session in self._sessions(tasks):
            if session is None or isinstance(session.told, Resume):
                continue
            if session.told is not None or session.state is State.DRAINING:
                self._tell(session, Resume(epoch=self._office.epoch, version=next(self._versions)))

    def probe(self, task: str) -> Probed | None:
        """What the latest probe of a replica found; none before the first was answered.

        It is asked for when it was not yet, and again while it is not ok.
        """
        session = self._hub.session(task)
        if session is None:
            return None
        if self._due(session):
            epoch, version = self._office.epoch, next(self._versions)
            session.asked = Probe(epoch=epoch, version=version, id=f"{epoch}.{version}")
            session.asked_at = self._office.clock.monotonic()
            session.post("probe", session.asked)
        return session.probed

    def _due(self, session: Session) -> bool:
        if session.asked is None:
            return True
        waited = self._office.clock.monotonic() - session.asked_at
        answered = session.probed is not None and session.probed.id == session.asked.id
        if not answered:
            return waited >= PROBE_WITHIN
        return session.probed is not None and not session.probed.ok and waited >= PROBE_AGAIN

    def _tell(self, session: Session, order: Drain | Resume) -> None:
        session.told = order
        session.post("order", order)

    def _sessions(self, tasks: Iterable[str]) -> list[Session | None]:
        return [self._hub.session(task) for task in tasks]


def _drained(session: Session) -> bool:
    return session.state is State.DRAINING and session.beat is not None and session.beat.drained
