"""Numbers as JSON Schema means them: 5.0 is a whole one, and `true` is none at all."""

from pydantic import BeforeValidator


def _no_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number, not true or false")  # noqa: TRY004 - pydantic turns a ValueError into its own
    return value


NoTruth = BeforeValidator(_no_truth)
"""After the bounds, `Annotated[int, Field(ge=0), NoTruth]`: before them, the schema would lose them."""
