"""What the ecs engine asks of AWS, as policies name it: the least that the control plane's role must allow.

Tests hold ENGINE, CHECK and LOGS to what botocore is asked for. The others are never called: AWS wants
PASSES of whoever names a role in a task definition, and TAGS of whoever makes something with tags, or reads
them with what they are on.
"""

ENGINE = frozenset(
    {
        "ecs:CreateService",
        "ecs:DeleteService",
        "ecs:DeregisterTaskDefinition",
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:DescribeTasks",
        "ecs:ListTaskDefinitions",
        "ecs:ListTasks",
        "ecs:RegisterTaskDefinition",
        "ecs:StopTask",
        "ecs:UpdateService",
        "secretsmanager:CreateSecret",
        "secretsmanager:DeleteSecret",
        "secretsmanager:DescribeSecret",
    }
)
"""Of the control plane, while it runs."""
CHECK = frozenset(
    {
        "ec2:DescribeSubnets",
        "ecs:DescribeCapacityProviders",
        "ecs:DescribeClusters",
        "logs:DescribeLogGroups",
    }
)
"""Of `linkpool engine check` besides."""
LOGS = frozenset({"logs:DescribeLogStreams", "logs:GetLogEvents"})
"""Of `linkpool logs` besides, on the replicas' log group."""
TAGS = frozenset({"ecs:ListTagsForResource", "ecs:TagResource", "secretsmanager:TagResource"})
PASSES = frozenset({"iam:PassRole"})
