"""The key that seals the master secret, and the secrets of control planes.

They stand beside `linkpool/POOL/`, where control planes keep the tokens of groups, so that no role that may
touch those may read or delete these. Two are filled by hand, since only the operator has what goes in:
`master` (written by `linkpool keys init`) and `settings` (by `linkpool pool deploy`).
"""

from typing import Any

from troposphere import GetAtt, Ref, Sub, Template, kms, secretsmanager

PREFIX = "linkpool-control/${PoolName}/"
FILLED_BY_HAND = ("master", "settings")
KEPT = "RetainExceptOnCreate"
"""When the stack goes. What a failed first deployment made holds nothing yet, and goes with it."""
MADE = {"admin-token": 40, "database-password": 32}
"""Letters and figures of those that are made here."""


def add_secrets(template: Template) -> None:
    """The KMS key, and four secrets."""
    template.add_resource(
        kms.Key(
            "MasterKey",
            Description=Sub("Seals the master secret of the pool ${PoolName}"),
            EnableKeyRotation=True,
            PendingWindowInDays=30,
            DeletionPolicy=KEPT,  # without it the sealed master secret opens no more, here or in a backup
            UpdateReplacePolicy="Retain",
            KeyPolicy={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "WhoeverIamAllows",
                        "Effect": "Allow",
                        "Principal": {"AWS": Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")},
                        "Action": "kms:*",
                        "Resource": "*",
                    }
                ],
            },
        )
    )
    for name in FILLED_BY_HAND:
        _secret(template, name, KEPT)
    for name, length in MADE.items():
        made = secretsmanager.GenerateSecretString(PasswordLength=length, ExcludePunctuation=True)
        _secret(template, name, "Delete", GenerateSecretString=made)


def secret_arn(name: str) -> Ref:
    """The ARN of a secret by its name's last part."""
    return Ref(title(name))


def key_arn() -> GetAtt:
    """Of the key that seals the master secret."""
    return GetAtt("MasterKey", "Arn")


def title(name: str) -> str:
    """The resource of a secret."""
    return "".join(part.capitalize() for part in name.split("-")) + "Secret"


def _secret(template: Template, name: str, kept: str, **how: Any) -> None:
    template.add_resource(
        secretsmanager.Secret(
            title(name),
            Name=Sub(PREFIX + name),
            Description=f"LinkPool's control planes: {name}",
            DeletionPolicy=kept,
            UpdateReplacePolicy="Retain",
            **how,
        )
    )
