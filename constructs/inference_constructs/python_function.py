"""`PythonFunction`: a Lambda function of this library, with a role and a log group of its own."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration, IgnoreMode, RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from inference_constructs.acknowledgements import acknowledge_all
from inference_constructs.encryption import EncryptionKey
from inference_constructs.service_role import ServiceRole

_LIBRARY = Path(__file__).resolve().parent

_ACKNOWLEDGED = {
    "LambdaConcurrency": (
        "Reserved concurrency is taken from the account's, of which a new account has none to "
        "spare; its callers start one invocation at a time, and retry when throttled"
    ),
    "LambdaDLQ": (
        "A queue gets events of asynchronous invocations; the callers wait for the answer, and "
        "handle the failure themselves"
    ),
    "LambdaInsideVPC": (
        "It talks to AWS APIs only, over TLS, with a role confined to named resources; within a "
        "VPC it would need a way out to them"
    ),
}


class PythonFunction(Construct):
    """Defines a function from a module below `functions/`, which may do nothing but log.

    What else it may do is granted to `role`. All functions share one asset.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        handler: `package.module.function`, from `functions/` on.
        description: what the function is for, as Lambda shows it.
        encryption: the key of the log group.
        environment: variables that the function reads.
        memory_mb: memory, which also sets the share of a CPU and of the network.
        timeout: how long one invocation may take.
        log_retention: how long the logs are kept.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        handler: str,
        description: str,
        encryption: EncryptionKey,
        environment: Mapping[str, str] | None = None,
        memory_mb: int = 256,
        timeout: Duration | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        super().__init__(scope, construct_id)
        encryption.allow_logs()
        log_group = logs.LogGroup(
            self,
            "Logs",
            encryption_key=encryption.key,
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = ServiceRole(
            self, "Role", service="lambda.amazonaws.com", description=description
        )
        log_group.grant_write(self.role.grantee)
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_14,
            # With the package that the modules are in, so that they may import one another.
            handler=f"functions.{handler}",
            code=lambda_.Code.from_asset(
                str(_LIBRARY),
                exclude=["/*", "!/functions", "__pycache__"],
                ignore_mode=IgnoreMode.GIT,
            ),
            description=description,
            role=self.role.role,
            log_group=log_group,
            memory_size=memory_mb,
            environment=None if environment is None else dict(environment),
            timeout=Duration.minutes(1) if timeout is None else timeout,
        )
        self.role.ready_before(self.function)
        acknowledge_all(
            self.function,
            {
                f"NIST.800.53.R5::NIST.800.53.R5-{rule}": reason
                for rule, reason in _ACKNOWLEDGED.items()
            },
        )
