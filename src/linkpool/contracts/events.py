"""Logs of a pool and its nodes as dataclasses, by topic."""

from functools import cache

from linkpool.chain.types import Log
from linkpool.contracts import oracle, pool_events
from linkpool.contracts.abi import Event


@cache
def by_topic() -> dict[bytes, type[Event]]:
    """Every event LinkPool's contracts write, by topic 0."""
    return {event.topic(): event for event in (*oracle.EVENTS, *pool_events.EVENTS)}


def decode(log: Log) -> Event | None:
    """The event of a log, none for a topic that is not ours. Raises BadReturn for a broken log of ours.

    A topic says nothing of who wrote the log: filter by address first.
    """
    event = by_topic().get(log.topics[0]) if log.topics else None
    return event.decode(log) if event else None
