"""What a change set would do to a stack, in the words that it is shown with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

HOLDS_DATA = {
    "AWS::RDS::DBInstance": "the database: what it holds stays in a snapshot only",
    "AWS::KMS::Key": "the key that opens the master secret",
    "AWS::SecretsManager::Secret": "a secret: what it holds",
}


@dataclass(frozen=True)
class Change:
    """One resource that a change set would touch."""

    action: str
    """Add, Modify, Remove, Import or Dynamic."""
    resource: str
    type: str
    replaced: str
    """yes, no, or perhaps: CloudFormation knows only when it does it."""

    @property
    def loses(self) -> str | None:
        """What would be lost, where something that cannot be made again would be."""
        gone = self.action == "Remove" or self.replaced != "no"
        return HOLDS_DATA.get(self.type) if gone else None


@dataclass(frozen=True)
class Plan:
    """A change set that CloudFormation made. Nothing in it: no changes."""

    stack: str
    name: str
    new: bool
    changes: tuple[Change, ...]


def read(found: Iterable[Mapping[str, Any]]) -> Iterable[Change]:
    """CloudFormation's own list."""
    words = {"True": "yes", "Conditional": "perhaps"}
    for each in found:
        told = each["ResourceChange"]
        replaced = words.get(told.get("Replacement", "False"), "no")
        yield Change(told["Action"], told["LogicalResourceId"], told["ResourceType"], replaced)
