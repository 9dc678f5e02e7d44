"""Tables of the catalog's progress: how far each job's offer is on chain, and each adapter in the engine.

What is wanted stands in `CatalogRow`; rows here are the leader's, so that a new one goes on, and a standby
can show them.
"""

from enum import StrEnum

from sqlalchemy import BigInteger, Float, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from linkpool.store.prose import Prose
from linkpool.store.tables import Base


class JobState(StrEnum):
    """How far a job is (`wire.catalog.JobState`)."""

    ADDING = "adding"
    SERVED = "served"
    OPEN = "open"
    CLOSING = "closing"
    LEAVING = "leaving"


class AdapterState(StrEnum):
    """How far an adapter is (`wire.catalog.AdapterState`)."""

    STARTING = "starting"
    SERVING = "serving"
    UPGRADING = "upgrading"
    KEPT_OLD = "kept_old"
    LEAVING = "leaving"


class JobRow(Base):
    """A job, by its external id, as it was in that revision.

    closed_at: seconds of the chain since which both its ids are closed.
    """

    __tablename__ = "catalog_jobs"
    job: Mapped[str] = mapped_column(String(36), primary_key=True)
    revision: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(Prose)
    closed_at: Mapped[int | None] = mapped_column(BigInteger)
    changed_at: Mapped[float] = mapped_column(Float)


class AdapterRow(Base):
    """An adapter that the pool runs, by its bridge's name.

    primary: the colour whose tasks replicas are told; wanted: the release that the catalog names; refused:
    one that never became well.
    """

    __tablename__ = "adapters"
    bridge: Mapped[str] = mapped_column(String(64), primary_key=True)
    primary: Mapped[str] = mapped_column(String(10))
    wanted: Mapped[str] = mapped_column(String(63))
    refused: Mapped[str | None] = mapped_column(String(63))
    state: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(Prose)
    changed_at: Mapped[float] = mapped_column(Float)
