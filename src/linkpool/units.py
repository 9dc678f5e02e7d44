"""Domain integers that must not mix, and how people read them.

juels: 1e-18 LINK. wei: 1e-18 of the chain's own coin. Block numbers count blocks; slots count senders.
"""

from decimal import Decimal
from typing import NewType

Juels = NewType("Juels", int)
Wei = NewType("Wei", int)
BlockNumber = NewType("BlockNumber", int)
Slot = NewType("Slot", int)

WHOLE = 10**18


def link(amount: int | str | Decimal) -> Juels:
    """Juels in that many LINK, exactly: `link("0.1")`. Raises ValueError below one juel."""
    juels = Decimal(amount) * WHOLE
    if juels != int(juels):
        raise ValueError(f"{amount} LINK is not a whole number of juels (1e-18 LINK)")
    return Juels(int(juels))


def show(amount: int, places: int = 4) -> str:
    """Juels or wei as a number of whole tokens for people: `1,234.5`; rounds toward zero."""
    step = 10 ** (18 - places)
    value = Decimal(abs(amount) // step * step) / WHOLE
    text = f"{value:,.{places}f}"
    if places:
        text = text.rstrip("0").rstrip(".")
    return f"-{text}" if amount < 0 else text
