"""Which logs somebody asks for: the filter of eth_getLogs and of a subscription, checked and matched.

As nodes do it: `address` is one or a list, `topics` go by position, each null (any), one, or a list (any of
these). Bad input is refused with -32602, the code of nodes for it.
"""

import re
from dataclasses import dataclass
from typing import Any

from linkpool.chain.rpc import Refusal

INVALID_PARAMS = -32602
MAX_ADDRESSES = 5_000
MAX_TOPICS = 1_000
"""Choices at one position."""

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_WORD = re.compile(r"0x[0-9a-fA-F]{64}")
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,16}")
_TOPIC_PLACES = 4


class BadParams(Refusal):
    """The parameters of a call are none that a node would take."""

    def __init__(self, message: str) -> None:
        super().__init__(f"invalid params: {message}", INVALID_PARAMS)


@dataclass(frozen=True)
class Filter:
    """Lower case throughout. No addresses: of any contract. None in `topics`: anything at that place."""

    addresses: frozenset[str]
    topics: tuple[frozenset[str] | None, ...]

    def takes(self, log: dict[str, Any]) -> bool:
        """The log, as JSON, is asked for."""
        if self.addresses and log["address"].lower() not in self.addresses:
            return False
        own = log["topics"]
        if len(own) < len(self.topics):
            return False
        return all(
            some is None or topic.lower() in some for some, topic in zip(self.topics, own, strict=False)
        )


def parse_filter(where: Any) -> Filter:
    """`address` and `topics` of a filter object. Raises BadParams."""
    if not isinstance(where, dict):
        raise BadParams("a filter is an object")
    addresses = _choices(where.get("address"), _ADDRESS, "address", MAX_ADDRESSES)
    topics = where.get("topics")
    if topics is not None and not (isinstance(topics, list) and len(topics) <= _TOPIC_PLACES):
        raise BadParams(f"topics is a list of at most {_TOPIC_PLACES}")
    places = [_choices(place, _WORD, "topic", MAX_TOPICS) for place in topics or ()]
    return Filter(addresses or frozenset(), tuple(places))


def parse_hash(value: Any) -> bytes:
    """A block hash. Raises BadParams."""
    if not (isinstance(value, str) and _WORD.fullmatch(value)):
        raise BadParams("a block hash is 0x and 64 hex digits")
    return bytes.fromhex(value[2:])


def parse_number(value: Any) -> int:
    """A block number. Raises BadParams."""
    if not (isinstance(value, str) and _QUANTITY.fullmatch(value)):
        raise BadParams("a block is 0x and a hex number, or a tag such as latest")
    return int(value, 16)


def _choices(given: Any, form: re.Pattern[str], what: str, most: int) -> frozenset[str] | None:
    """None for anything (null, an empty list), else the choices."""
    several = given if isinstance(given, list) else [] if given is None else [given]
    if len(several) > most:
        raise BadParams(f"more than {most} of {what}")
    for one in several:
        if not (isinstance(one, str) and form.fullmatch(one)):
            raise BadParams(f"{what}: {str(one)[:80]!r} is none")
    return frozenset(one.lower() for one in several) or None
