"""The newest answers of the node, whoever gave them: what a probe recomputes. A re-org may take one back."""

from collections import deque
from dataclasses import dataclass

from linkpool.replica.requests import Request

KEEP = 8
"""More than a probe takes, since re-orgs and changes of the catalog leave some out."""


@dataclass(frozen=True)
class Answered:
    """A request, and the block that its answer is in."""

    request: Request
    block: int


class LastAnswers:
    """Fed with what closes and opens requests."""

    def __init__(self) -> None:
        self._kept: deque[Answered] = deque(maxlen=KEEP)

    def closed(self, request: Request, block: int) -> None:
        """It was answered there."""
        self.opened(request)  # told twice, it counts once
        self._kept.append(Answered(request, block))

    def opened(self, request: Request) -> None:
        """It wants an answer, perhaps again."""
        for answered in [one for one in self._kept if one.request.identity == request.identity]:
            self._kept.remove(answered)

    @property
    def newest_first(self) -> list[Answered]:
        """All that are kept."""
        return sorted(self._kept, key=lambda one: one.block, reverse=True)
