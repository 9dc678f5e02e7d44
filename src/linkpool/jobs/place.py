"""Where in a text: offsets turned into lines and columns."""

from bisect import bisect_right


class PlacedError(Exception):
    """A text is wrong; `at` is the offset of the first character that does not fit."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at


class Lines:
    """The lines of one text; lines and columns count from 1."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(i + 1 for i, char in enumerate(text) if char == "\n")]

    def at(self, offset: int) -> tuple[int, int]:
        """(line, column) of the character at `offset`."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
