"""What is asked while others are being answered waits, and is answered together: one transaction for many."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

Q = TypeVar("Q")
A = TypeVar("A")

MOST = 64
"""Questions answered at once, by default."""


@dataclass
class _Asked(Generic[Q, A]):
    question: Q
    answer: A | None = None
    error: Exception | None = None
    open: bool = True
    """Nobody needs an answer to a question that is answered, or that was given up."""


class Together(Generic[Q, A]):
    """`answer` gets what waits, in order, up to `most` at once and never twice at a time; it answers each."""

    def __init__(self, answer: Callable[[Sequence[Q]], Awaitable[Sequence[A]]], most: int = MOST) -> None:
        self._answer, self._most = answer, most
        self._waiting: deque[_Asked[Q, A]] = deque()
        self._turn = asyncio.Lock()

    async def ask(self, question: Q) -> A:
        """The answer to this one. Raises what `answer` raised for all that were asked together."""
        mine = _Asked[Q, A](question)
        self._waiting.append(mine)
        try:
            async with self._turn:
                while mine.open:
                    await self._next()
        finally:
            mine.open = False
        if mine.error is not None:
            raise mine.error
        return cast("A", mine.answer)

    async def _next(self) -> None:
        """Answer those who have waited longest. If this is cancelled, they wait on, and are the next."""
        asked: list[_Asked[Q, A]] = []
        while self._waiting and len(asked) < self._most:
            if (one := self._waiting.popleft()).open:
                asked.append(one)
        try:
            answers = await self._answer([one.question for one in asked])
            for one, answer in zip(asked, answers, strict=True):
                one.answer, one.open = answer, False
        except Exception as error:  # noqa: BLE001 - whoever asked raises it
            for one in asked:
                one.error, one.open = error, False
        except BaseException:
            self._waiting.extendleft(reversed(asked))
            raise
