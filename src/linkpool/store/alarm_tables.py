"""What a person must look at, for as long as it is so."""

from enum import StrEnum

from sqlalchemy import Float, String
from sqlalchemy.orm import Mapped, mapped_column

from linkpool.store.prose import Prose
from linkpool.store.tables import Base


class Severity(StrEnum):
    """How soon somebody must look."""

    WARNING = "warning"
    """Nothing is lost; look today."""
    CRITICAL = "critical"
    """Answers, money or the ability to recover are at stake; look now."""


class AlarmRow(Base):
    """An alarm that is up. One that went down is in the events only. Times are Unix seconds."""

    __tablename__ = "alarms"
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject: Mapped[str] = mapped_column(String(100), primary_key=True)
    severity: Mapped[str] = mapped_column(String(10))
    detail: Mapped[str] = mapped_column(Prose)
    since: Mapped[float] = mapped_column(Float)
