"""What a change set says, in the words that it is shown with."""

import pytest

from linkpool.aws.changes import read


@pytest.mark.parametrize(
    ("action", "replacement", "type", "shown", "loses"),
    [
        ("Modify", "True", "AWS::RDS::DBInstance", "yes", True),
        ("Modify", "Conditional", "AWS::KMS::Key", "perhaps", True),
        ("Modify", "False", "AWS::RDS::DBInstance", "no", False),
        ("Remove", None, "AWS::SecretsManager::Secret", "no", True),
        ("Add", None, "AWS::RDS::DBInstance", "no", False),
        ("Modify", "True", "AWS::ECS::TaskDefinition", "yes", False),
    ],
)
def test_a_replacement_that_loses_data_is_called_out(
    action: str, replacement: str | None, type: str, shown: str, loses: bool
) -> None:
    told = {"Action": action, "LogicalResourceId": "It", "ResourceType": type}
    told |= {"Replacement": replacement} if replacement else {}
    (change,) = read([{"ResourceChange": told}])
    assert (change.replaced, change.loses is not None) == (shown, loses)
