"""One ladder of errors: every error says whether trying again makes sense.

`Temporary` may pass by itself: the caller retries inside its own time limit. `Permanent` will not:
the caller gives up, says so, and keeps what it knows. Rooms derive their own errors from these two.
"""


class LinkPoolError(Exception):
    """Anything LinkPool raises on purpose. Its text says what happened, to what, and what to do."""


class Temporary(LinkPoolError):
    """Trying again may help: a network, an endpoint, a source, a lock."""


class Permanent(LinkPoolError):
    """Trying the same again will not help: bad input, a refusal, a broken promise."""


def reasons(group: BaseExceptionGroup[LinkPoolError]) -> list[str]:
    """The texts of all errors in nested groups, each once, in order."""
    texts: list[str] = []
    for error in group.exceptions:
        texts += reasons(error) if isinstance(error, BaseExceptionGroup) else [str(error)]
    return list(dict.fromkeys(texts))
