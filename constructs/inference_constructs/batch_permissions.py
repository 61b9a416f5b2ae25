"""What the roles of a batch workflow may do: of the model, the functions, the state machine."""

from collections.abc import Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from inference_constructs.encryption import EncryptionKey
from inference_constructs.s3_prefix import S3Prefix
from inference_constructs.service_role import ServiceRole
from inference_constructs.state_machine_permissions import allow_state_machine
from inference_constructs.wildcards import acknowledge_wildcard

# Every transform job of an account and region logs to one group and counts in one namespace.
_JOBS = "/aws/sagemaker/TransformJobs"


def allow_validation(role: ServiceRole, *, inputs: Sequence[S3Prefix], output: S3Prefix) -> None:
    """Lets a function read the input of runs, and see what lies where the output goes.

    Args:
        role: the function's role.
        inputs: where the input of runs lies.
        output: where their output goes.
    """
    _allow_reading(role, inputs)
    output.grant_list(role.grantee)


def allow_verification(role: ServiceRole, *, inputs: Sequence[S3Prefix], output: S3Prefix) -> None:
    """Lets a function read what runs read and what they write.

    Args:
        role: the function's role.
        inputs: where the input of runs lies.
        output: where their output lies.
    """
    _allow_reading(role, [*inputs, output])


def allow_transform(
    role: ServiceRole, *, inputs: Sequence[S3Prefix], output: S3Prefix, encryption: EncryptionKey
) -> None:
    """Lets a model's role do the work of a transform job.

    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html

    Args:
        role: the model's role.
        inputs: where the input of runs lies.
        output: where their output goes.
        encryption: the key of the instances' volumes.
    """
    _allow_reading(role, inputs)
    output.grant_write(role.grantee)
    _acknowledge_objects(role, output)
    log_group = Stack.of(role).format_arn(
        service="logs",
        resource="log-group",
        resource_name=f"{_JOBS}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    role.add_statements(
        # For the instances' volumes. The job's caller need not be allowed it if the role is:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html
        iam.PolicyStatement(
            actions=["kms:CreateGrant"],
            resources=[encryption.key_arn],
            conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
        iam.PolicyStatement(
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[log_group],
        ),
        iam.PolicyStatement(
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": _JOBS}},
        ),
    )
    acknowledge_wildcard(
        role,
        log_group,
        "The service names the streams of its jobs; the group is the one that all jobs log to",
    )


def allow_workflow(
    role: ServiceRole,
    *,
    functions: Sequence[lambda_.IFunction],
    job_name_prefix: str,
    encryption: EncryptionKey,
) -> None:
    """Lets a state machine check, run and stop transform jobs, and keep its logs.

    It passes no role to SageMaker: a job runs under the one that its model was created with.

    https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html

    Args:
        role: the state machine's role.
        functions: what it calls.
        job_name_prefix: how the names of its jobs begin.
        encryption: the key of its data and its logs.
    """
    stack = Stack.of(role)
    jobs = stack.format_arn(
        service="sagemaker", resource="transform-job", resource_name=f"{job_name_prefix}-*"
    )
    # The service's own rule, which tells it when a job has ended.
    rule = stack.format_arn(
        service="events",
        resource="rule",
        resource_name="StepFunctionsGetEventsForSageMakerTransformJobsRule",
    )
    role.add_statements(
        iam.PolicyStatement(
            actions=["lambda:InvokeFunction"],
            resources=[function.function_arn for function in functions],
        ),
        iam.PolicyStatement(
            actions=[
                "sagemaker:AddTags",
                "sagemaker:CreateTransformJob",
                "sagemaker:DescribeTransformJob",
                "sagemaker:StopTransformJob",
            ],
            resources=[jobs],
        ),
        iam.PolicyStatement(
            actions=["events:DescribeRule", "events:PutRule", "events:PutTargets"],
            resources=[rule],
        ),
    )
    acknowledge_wildcard(
        role,
        jobs,
        "Each execution names its job anew; the prefix is this workflow's, and the actions are "
        "those on transform jobs",
    )
    allow_state_machine(role, encryption=encryption)


def _allow_reading(role: ServiceRole, places: Sequence[S3Prefix]) -> None:
    for place in places:
        place.grant_read(role.grantee)
        _acknowledge_objects(role, place)


def _acknowledge_objects(role: ServiceRole, place: S3Prefix) -> None:
    acknowledge_wildcard(
        role,
        place.objects_arn,
        "A run is about the objects below one prefix of one bucket; reading and writing are "
        "granted apart",
    )
