"""What the roles of a batch workflow may do: of the model, the functions, the state machine."""

from collections.abc import Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from inference_constructs.acknowledgements import acknowledge
from inference_constructs.encryption import EncryptionKey
from inference_constructs.functions.batch_checks.request import RUNS_FOLDER
from inference_constructs.model import InferenceModel
from inference_constructs.s3_prefix import S3Prefix
from inference_constructs.service_role import ServiceRole
from inference_constructs.state_machine_permissions import allow_state_machine
from inference_constructs.wildcards import acknowledge_wildcard, wildcard_finding

# Every transform job of an account and region logs to one group and counts in one namespace.
_JOBS = "/aws/sagemaker/TransformJobs"

_OWN_NAMES = (
    "Each execution names its jobs and its Model anew; the prefix is this workflow's, and the "
    "actions are those on its own"
)


def allow_plan(
    role: ServiceRole,
    *,
    inputs: Sequence[S3Prefix],
    output: S3Prefix,
    claims: dynamodb.ITableV2,
    model: InferenceModel,
    prefix: str,
) -> None:
    """Lets a function plan runs: read the input, keep the plan, claim the data, make the Model.

    Args:
        role: the function's role.
        inputs: where the input of runs lies.
        output: where their output goes.
        claims: the table of claims.
        model: what each run makes a Model of.
        prefix: how the names of jobs and Models begin.
    """
    _allow_reading(role, [*inputs, output])
    _allow_keeping(role, output)
    stack = Stack.of(role)
    models = _models(stack, prefix)
    role.add_statements(
        iam.PolicyStatement(
            actions=["dynamodb:GetItem", "dynamodb:PutItem"], resources=[claims.table_arn]
        ),
        iam.PolicyStatement(
            actions=["sagemaker:DescribeModel"],
            resources=[
                stack.format_arn(
                    service="sagemaker", resource="model", resource_name=model.model_name
                )
            ],
        ),
        iam.PolicyStatement(actions=["sagemaker:CreateModel"], resources=[models]),
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[model.role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
    )
    acknowledge_wildcard(role, models, _OWN_NAMES)


def allow_report(
    role: ServiceRole, *, inputs: Sequence[S3Prefix], output: S3Prefix, prefix: str
) -> None:
    """Lets a function look at what jobs read, wrote and logged.

    Args:
        role: the function's role.
        inputs: where the input of runs lies.
        output: where their output lies.
        prefix: how the names of jobs begin.
    """
    for place in inputs:
        place.grant_get(role.grantee)
        _acknowledge_objects(role, place)
    _allow_reading(role, [output])
    _allow_keeping(role, output)
    jobs, logs = _transform_jobs(Stack.of(role), prefix), _log_group(Stack.of(role))
    role.add_statements(
        iam.PolicyStatement(actions=["sagemaker:DescribeTransformJob"], resources=[jobs]),
        iam.PolicyStatement(actions=["logs:FilterLogEvents"], resources=[logs]),
    )
    acknowledge_wildcard(role, jobs, _OWN_NAMES)
    acknowledge_wildcard(
        role,
        logs,
        "The service names the streams of its jobs; the group is the one that all jobs log to",
    )


def allow_finish(
    role: ServiceRole,
    *,
    output: S3Prefix,
    claims: dynamodb.ITableV2,
    prefix: str,
    metrics_namespace: str,
) -> None:
    """Lets a function end runs: write the summary, settle the claim, delete the Model, tell.

    Args:
        role: the function's role.
        output: where the output lies.
        claims: the table of claims.
        prefix: how the names of Models begin.
        metrics_namespace: where runs are counted.
    """
    _allow_reading(role, [output])
    output.grant_write(role.grantee)
    stack = Stack.of(role)
    models = _models(stack, prefix)
    bus = stack.format_arn(service="events", resource="event-bus", resource_name="default")
    role.add_statements(
        iam.PolicyStatement(
            actions=["dynamodb:PutItem", "dynamodb:UpdateItem"], resources=[claims.table_arn]
        ),
        iam.PolicyStatement(actions=["sagemaker:DeleteModel"], resources=[models]),
        iam.PolicyStatement(
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": metrics_namespace}},
        ),
        iam.PolicyStatement(actions=["events:PutEvents"], resources=[bus]),
    )
    acknowledge_wildcard(role, models, _OWN_NAMES)
    acknowledge_wildcard(
        role, "*", "cloudwatch:PutMetricData takes no resource; it is confined to one namespace"
    )


def allow_transform(
    role: ServiceRole, *, inputs: Sequence[S3Prefix], output: S3Prefix, encryption: EncryptionKey
) -> None:
    """Lets a model's role do the work of a transform job.

    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html

    Args:
        role: the model's role.
        inputs: where the input of runs lies.
        output: where their output goes, and what the workflow keeps of the runs is read.
        encryption: the key of the instances' volumes.
    """
    runs = _runs(output)
    # The manifests, and copies without a header.
    _allow_reading(role, [*inputs, runs])
    output.grant_write(role.grantee)
    _acknowledge_objects(role, output)
    log_group = _log_group(Stack.of(role))
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
    output: S3Prefix,
    prefix: str,
    encryption: EncryptionKey,
) -> None:
    """Lets a state machine plan, run and stop transform jobs, and keep its logs.

    It passes no role to SageMaker: a job runs under the one that its model was created with.

    https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html

    Args:
        role: the state machine's role.
        functions: what it calls.
        output: where the lists of jobs are kept.
        prefix: how the names of its jobs begin.
        encryption: the key of its data and its logs.
    """
    stack = Stack.of(role)
    jobs = _transform_jobs(stack, prefix)
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
        # The list of the jobs, which the distributed map reads.
        iam.PolicyStatement(actions=["s3:GetObject"], resources=[_runs(output).objects_arn]),
    )
    acknowledge_wildcard(role, jobs, _OWN_NAMES)
    _acknowledge_objects(role, _runs(output))
    allow_state_machine(role, encryption=encryption)


class OwnExecutions(Construct):
    """What concerns the state machine's own executions, which no role knows before it is there.

    So it is a policy of its own, for which the state machine does not wait.

    https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        state_machine: the state machine.
        role: its role, which may start, watch and stop the executions of a distributed map.
        plan_role: the role of the function that asks whether an execution still runs.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        state_machine: sfn.StateMachine,
        role: ServiceRole,
        plan_role: ServiceRole,
    ) -> None:
        super().__init__(scope, construct_id)
        name = state_machine.state_machine_name
        own, of_the_map = (
            Stack.of(self).format_arn(
                service="states",
                resource="execution",
                resource_name=pattern,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            for pattern in (f"{name}:*", f"{name}/*:*")
        )
        reason = (
            "Executions are named when they start; these are the executions of this state machine "
            "and of its distributed map"
        )
        shards = iam.ManagedPolicy(
            self,
            "Shards",
            description="Lets the state machine run shards as executions of its own.",
            roles=[role.role],
            statements=[
                iam.PolicyStatement(
                    actions=["states:StartExecution"],
                    resources=[state_machine.state_machine_arn],
                ),
                iam.PolicyStatement(
                    actions=["states:DescribeExecution", "states:StopExecution"],
                    resources=[of_the_map],
                ),
            ],
        )
        claims = iam.ManagedPolicy(
            self,
            "Claims",
            description="Lets the plan ask whether an execution still runs.",
            roles=[plan_role.role],
            statements=[iam.PolicyStatement(actions=["states:DescribeExecution"], resources=[own])],
        )
        for policy, arn in ((shards, of_the_map), (claims, own)):
            acknowledge(policy, wildcard_finding(policy, arn), reason)


def _allow_reading(role: ServiceRole, places: Sequence[S3Prefix]) -> None:
    for place in places:
        place.grant_read(role.grantee)
        _acknowledge_objects(role, place)


def _allow_keeping(role: ServiceRole, output: S3Prefix) -> None:
    runs = _runs(output)
    runs.grant_write(role.grantee)
    _acknowledge_objects(role, runs)


def _runs(output: S3Prefix) -> S3Prefix:
    return S3Prefix(bucket=output.bucket, prefix=f"{output.prefix}{RUNS_FOLDER}")


def _transform_jobs(stack: Stack, prefix: str) -> str:
    return stack.format_arn(
        service="sagemaker", resource="transform-job", resource_name=f"{prefix}-*"
    )


def _models(stack: Stack, prefix: str) -> str:
    return stack.format_arn(service="sagemaker", resource="model", resource_name=f"{prefix}-*")


def _log_group(stack: Stack) -> str:
    return stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name=f"{_JOBS}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def _acknowledge_objects(role: ServiceRole, place: S3Prefix) -> None:
    acknowledge_wildcard(
        role,
        place.objects_arn,
        "A run is about the objects below one prefix of one bucket; reading and writing are "
        "granted apart",
    )
