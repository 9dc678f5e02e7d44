"""PostgreSQL over two zones, with backups; or the operator's own, by its URL."""

from typing import Any

from troposphere import GetAtt, If, Ref, Sub, Template, rds

from linkpool.aws.network import task_subnets
from linkpool.aws.parameters import OWN_DATABASE, RESTORED
from linkpool.aws.secrets import title

USER = NAME = "linkpool"
VERSION = "17"
"""AWS chooses and raises the rest. A restored one names none: it has its snapshot's, and may not go back."""
_NOT_LINTED = {"cfn-lint": {"config": {"ignore_checks": ["W3691"]}}}
"""cfn-lint takes the major alone for a minor version, and one that was withdrawn."""


def add_database(template: Template) -> None:
    """An instance with a standby in the other zone. What it held is kept when it is deleted or replaced."""
    subnets = template.add_resource(
        rds.DBSubnetGroup(
            "DatabaseSubnets",
            Condition=OWN_DATABASE,
            DBSubnetGroupDescription="Both zones",
            SubnetIds=task_subnets(),
        )
    )
    template.add_resource(
        rds.DBInstance(
            "Database",
            Condition=OWN_DATABASE,
            Metadata=_NOT_LINTED,
            DeletionPolicy="Snapshot",
            UpdateReplacePolicy="Snapshot",
            Engine="postgres",
            EngineVersion=_restored(Ref("AWS::NoValue"), VERSION),
            DBInstanceClass=Ref("DatabaseClass"),
            AllocatedStorage=Ref("DatabaseStorage"),
            MaxAllocatedStorage=Ref("DatabaseStorageAtMost"),
            StorageType="gp3",
            StorageEncrypted=_restored(Ref("AWS::NoValue"), True),  # a snapshot says it of itself
            MultiAZ=True,
            PubliclyAccessible=False,
            DBSubnetGroupName=Ref(subnets),
            VPCSecurityGroups=[GetAtt("DatabaseGroup", "GroupId")],
            BackupRetentionPeriod=Ref("BackupDays"),
            CopyTagsToSnapshot=True,
            DeletionProtection=Ref("DatabaseProtected"),
            AutoMinorVersionUpgrade=True,
            DBSnapshotIdentifier=_restored(Ref("DatabaseSnapshot"), Ref("AWS::NoValue")),
            DBName=_restored(Ref("AWS::NoValue"), NAME),
            MasterUsername=_restored(Ref("AWS::NoValue"), USER),
            MasterUserPassword=Sub(f"{{{{resolve:secretsmanager:${{{title('database-password')}}}}}}}"),
        )
    )


def database_url() -> If:
    """Without its password, which is a secret of its own. RDS is spoken to through TLS."""
    own = Sub(
        f"postgresql://{USER}@${{Database.Endpoint.Address}}:${{Database.Endpoint.Port}}/{NAME}?ssl=require"
    )
    return If(OWN_DATABASE, own, Ref("DatabaseUrl"))


def _restored(then: Any, otherwise: Any) -> If:
    return If(RESTORED, then, otherwise)
