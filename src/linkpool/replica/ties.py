"""What ties a replica to the rest of its node: who it is, who its siblings are, which jobs it serves.

In a pool all of it comes down the agent socket (`member.py`); alone, it stands in a file (`alone.py`).
"""

from dataclasses import dataclass
from typing import Protocol

from linkpool.replica.core import Core, Identity
from linkpool.replica.life import Life
from linkpool.wire.agent import NodeFacts


@dataclass(frozen=True)
class Claim:
    """A slot of one's own. `node` is None for a replica that runs alone: there is nothing to register."""

    who: Identity
    node: NodeFacts | None


class Ties(Protocol):
    """Either kind."""

    async def claim(self) -> Claim:
        """Return when this replica knows who it is. Raises a Permanent error when it may not serve."""
        ...

    async def listen(self, core: Core, life: Life) -> None:
        """Keep the core told, until cancelled."""
        ...

    async def goodbye(self) -> None:
        """Say that this replica is done."""
        ...

    def changed(self) -> None:
        """Something about this replica changed that others wait for."""
        ...

    async def told(self) -> None:
        """Return when others were told what is true now, or cannot be told."""
        ...
