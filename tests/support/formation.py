"""What a template says for given parameters: conditions decided, references as the names they go to."""

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network
from typing import Any

ACCOUNT, REGION = "123456789012", "eu-west-1"
PSEUDO = {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws"}
_NOTHING = object()


class Formation:
    """A template read with these parameters, the others at their defaults."""

    def __init__(self, template: Mapping[str, Any], given: Mapping[str, str]) -> None:
        self._template = template
        defaults = {name: each.get("Default") for name, each in template["Parameters"].items()}
        self.values = {name: str(value) for name, value in (defaults | dict(given)).items()} | PSEUDO

    def resources(self) -> dict[str, dict[str, Any]]:
        """Those whose condition holds, by name, their properties read."""
        there = {
            name: each
            for name, each in self._template["Resources"].items()
            if "Condition" not in each or self.holds(each["Condition"])
        }
        return {
            name: each | {"Properties": self.read(each.get("Properties", {}))} for name, each in there.items()
        }

    def broken(self) -> list[str]:
        """Rules that these parameters break."""
        return [
            name
            for name, each in self._template["Rules"].items()
            if self._decide(each["RuleCondition"])
            and not all(self._decide(one["Assert"]) for one in each["Assertions"])
        ]

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template does."""
        return self._decide(self._template["Conditions"][condition])

    def read(self, value: Any) -> Any:
        """A value with its functions carried out; what AWS would fill in is `NAME` or `NAME.ATTRIBUTE`."""
        if isinstance(value, list):
            return [read for each in value if (read := self.read(each)) is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, told),) = value.items()
            if function == "Ref":
                return _NOTHING if told == "AWS::NoValue" else self.values.get(told, told)
            if function.startswith("Fn::"):
                return self._carry_out(function[4:], told)
        return {key: read for key, each in value.items() if (read := self.read(each)) is not _NOTHING}

    def _carry_out(self, function: str, told: Any) -> Any:
        known: dict[str, Callable[[], Any]] = {
            "If": lambda: self.read(told[1] if self.holds(told[0]) else told[2]),
            "GetAtt": lambda: ".".join(told),
            "Sub": lambda: re.sub(r"\$\{([^}]+)\}", lambda name: self.values.get(name[1], name[1]), told),
            "GetAZs": lambda: [REGION + zone for zone in "abc"],
            "Select": lambda: self.read(told[1])[int(told[0])],
            "Cidr": lambda: _pieces(self.read(told[0]), int(told[1]), int(told[2])),
            "Base64": lambda: self.read(told),
        }
        return known[function]()

    def _decide(self, said: Mapping[str, Any]) -> bool:
        ((function, told),) = said.items()
        if function == "Condition":
            return self.holds(told)
        if function == "Fn::Not":
            return not self._decide(told[0])
        if function == "Fn::And":
            return all(self._decide(each) for each in told)
        if function == "Fn::Contains":
            return self.read(told[1]) in told[0]
        assert function == "Fn::Equals", f"{function} is not known here"
        return bool(self.read(told[0]) == self.read(told[1]))


def _pieces(network: str, count: int, bits: int) -> list[str]:
    return [str(each) for each in IPv4Network(network).subnets(new_prefix=32 - bits)][:count]
