"""What `linkpool scale` and `guard` say to options that will not do: by the option, and how to write it."""

import pytest

from linkpool.cli.growth import BadRules, guard_of, override_of
from linkpool.cli.nodes import BadAmount, juels, wei
from linkpool.units import WHOLE


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"kind": "url", "url": "ftp://x", "path": ""}, "--source-url: write it like https://"),
        ({"kind": "contract", "address": "0x12", "function": "f()"}, "--contract: write it as 0x"),
    ],
)
def test_a_source_that_is_none_is_told_by_its_option(source: dict[str, str], told: str) -> None:
    with pytest.raises(BadRules, match=told):
        guard_of(0.2, 0.1, [source])


def test_an_override_wants_a_reason() -> None:
    assert override_of("the source moves house", 1.0).expires_in_seconds == 3_600
    with pytest.raises(BadRules, match="--reason: must not be empty"):
        override_of("", 1.0)


@pytest.mark.parametrize("text", ["abc", "-5", "", "1e-30", "nan", "inf"])
def test_what_is_no_amount_is_said_so(text: str) -> None:
    assert (juels("1.5"), wei("1.5")) == (3 * WHOLE // 2, 3 * WHOLE // 2)
    with pytest.raises(BadAmount, match="LINK"):
        juels(text)
    with pytest.raises(BadAmount, match="coin"):
        wei(text)
