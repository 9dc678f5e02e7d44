"""Amounts as people write them, unit and all: `0.1 LINK`, `100 juels`, `50 gwei`, `1 wei`."""

from decimal import Decimal, InvalidOperation

from linkpool.jobs.errors import BadValue
from linkpool.units import Juels, Wei

_JUELS = {"LINK": 10**18, "juels": 1}
_WEI = {"gwei": 10**9, "wei": 1}


def juels(text: str) -> Juels:
    """An amount of LINK. Raises BadValue saying how to write it."""
    return Juels(_whole(text, _JUELS, "0.1 LINK"))


def wei(text: str) -> Wei:
    """An amount of the chain's coin. Raises BadValue saying how to write it."""
    return Wei(_whole(text, _WEI, "50 gwei"))


def _whole(text: str, units: dict[str, int], example: str) -> int:
    number, _, unit = text.strip().partition(" ")
    try:
        amount = Decimal(number) * units[unit.strip()]
    except (KeyError, InvalidOperation):
        raise BadValue(f'"{text}" is no amount; write it with its unit, such as "{example}"') from None
    if not amount.is_finite() or amount < 0 or amount != int(amount):
        raise BadValue(f'"{text}" is negative, no number, or finer than one {list(units)[-1]}')
    return int(amount)
