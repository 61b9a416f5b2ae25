"""The workflow's resources: who may do what, what is encrypted, what is watched."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template

from inference_constructs import (
    BatchTransformWorkflow,
    DataBucket,
    EncryptionKey,
    InferenceModel,
    ModelArtifact,
    Notifications,
    S3Prefix,
)

MakeWorkflow = Callable[..., BatchTransformWorkflow]

KEY = {"Fn::GetAtt": [Match.string_like_regexp("^EncryptionKey"), "Arn"]}


@pytest.fixture(scope="module")
def statements(template: Template) -> Callable[[str], list[dict[str, Any]]]:
    """Finds the statements of the policy of a role by how its logical id begins."""

    def find(name: str) -> list[dict[str, Any]]:
        policies = template.find_resources("AWS::IAM::ManagedPolicy")
        (policy,) = [p for logical_id, p in policies.items() if logical_id.startswith(name)]
        found: list[dict[str, Any]] = policy["Properties"]["PolicyDocument"]["Statement"]
        return found

    return find


def actions(statement: dict[str, Any]) -> set[str]:
    """The actions of a statement, of which one alone is no list."""
    action = statement["Action"]
    return {action} if isinstance(action, str) else set(action)


def only(found: list[dict[str, Any]], action: str) -> dict[str, Any]:
    """The one statement that allows an action."""
    (statement,) = [one for one in found if action in actions(one)]
    return statement


def test_no_role_has_an_inline_policy_or_one_of_awss(template: Template) -> None:
    """What a role may do stands in one managed policy of its own."""
    template.resource_count_is("AWS::IAM::Policy", 0)
    template.all_resources_properties(
        "AWS::IAM::Role", {"Policies": Match.absent(), "ManagedPolicyArns": Match.absent()}
    )


def test_no_action_has_a_wildcard(template: Template) -> None:
    """The grants of `Bucket` would write `s3:GetObject*` and `s3:List*`."""
    for policy in template.find_resources("AWS::IAM::ManagedPolicy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            assert not any("*" in action for action in actions(statement))


def test_the_state_machine_runs_jobs_of_its_own_only(
    statements: Callable[[str], list[dict[str, Any]]],
) -> None:
    """Their names begin with the workflow's prefix."""
    statement = only(statements("WorkflowRolePolicy"), "sagemaker:CreateTransformJob")
    assert actions(statement) == {
        "sagemaker:AddTags",
        "sagemaker:CreateTransformJob",
        "sagemaker:DescribeTransformJob",
        "sagemaker:StopTransformJob",
    }
    assert str(statement["Resource"]).count("transform-job/churn-*") == 1


def test_only_the_models_role_lets_instances_use_the_key_for_their_volumes(
    statements: Callable[[str], list[dict[str, Any]]],
) -> None:
    """A job's caller needs it only where the job's role has it not."""
    statement = only(statements("ModelRolePolicy"), "kms:CreateGrant")
    assert statement["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    allowed = set().union(*map(actions, statements("WorkflowRolePolicy")))
    assert allowed.isdisjoint({"kms:CreateGrant", "iam:PassRole"})


def test_the_state_machine_hears_of_the_end_of_jobs(
    statements: Callable[[str], list[dict[str, Any]]],
) -> None:
    """By a rule that the service makes for it; without the rights its creation fails."""
    statement = only(statements("WorkflowRolePolicy"), "events:PutRule")
    assert actions(statement) == {"events:PutTargets", "events:PutRule", "events:DescribeRule"}
    assert "rule/StepFunctionsGetEventsForSageMakerTransformJobsRule" in str(statement["Resource"])


def test_the_state_machine_calls_its_three_functions_only(
    statements: Callable[[str], list[dict[str, Any]]],
) -> None:
    """By their ARNs."""
    resources = only(statements("WorkflowRolePolicy"), "lambda:InvokeFunction")["Resource"]
    names = sorted(resource["Fn::GetAtt"][0] for resource in resources)
    assert [re.match("WorkflowFunctions(.*?)Function", name)[1] for name in names] == [
        "Finish",
        "Plan",
        "Report",
    ]


RUNS = "/output/_runs/*"


def read_and_written(found: list[dict[str, Any]]) -> tuple[set[str], set[str]]:
    """Below which prefixes objects may be read, and below which written."""

    def places(action: str) -> set[str]:
        resources = [one["Resource"] for one in found if action in actions(one)]
        flat = [r for one in resources for r in (one if isinstance(one, list) else [one])]
        # Not the model's own artifact, which lies in another bucket.
        ends = [resource["Fn::Join"][1][1] for resource in flat]
        return {end for end in ends if end in ("/input/*", "/output/*", RUNS)}

    return places("s3:GetObject"), places("s3:PutObject")


@pytest.mark.parametrize(
    ("role", "read", "written"),
    [
        ("ModelRole", {"/input/*", "/output/_runs/*"}, {"/output/*"}),
        ("WorkflowFunctionsPlanRole", {"/input/*", "/output/*"}, {"/output/_runs/*"}),
        ("WorkflowFunctionsReportRole", {"/input/*", "/output/*"}, {"/output/_runs/*"}),
        ("WorkflowFunctionsFinishRole", {"/output/*"}, {"/output/*"}),
        ("WorkflowRole", {"/output/_runs/*"}, set()),
    ],
)
def test_each_role_reads_and_writes_what_its_work_needs(
    statements: Callable[[str], list[dict[str, Any]]], role: str, read: set[str], written: set[str]
) -> None:
    """None of them writes input; the model reads no results."""
    assert read_and_written(statements(f"{role}Policy")) == (read, written)


def test_a_model_is_made_under_the_stacks_role_only(
    statements: Callable[[str], list[dict[str, Any]]],
) -> None:
    """A run has a Model of its own, under the workflow's prefix."""
    found = statements("WorkflowFunctionsPlanRolePolicy")
    passed = only(found, "iam:PassRole")
    assert passed["Resource"]["Fn::GetAtt"][0].startswith("ModelRole")
    assert passed["Condition"] == {
        "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
    }
    assert "model/churn-*" in str(only(found, "sagemaker:CreateModel")["Resource"])
    ends = statements("WorkflowFunctionsFinishRolePolicy")
    assert "model/churn-*" in str(only(ends, "sagemaker:DeleteModel")["Resource"])


def test_executions_that_cannot_end_their_run_have_it_ended(template: Template) -> None:
    """Who is stopped does nothing more."""
    template.has_resource_properties(
        "AWS::Events::Rule",
        {
            "EventPattern": {
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {
                    "status": ["ABORTED", "TIMED_OUT"],
                    "stateMachineArn": [{"Ref": Match.string_like_regexp("StateMachine")}],
                },
            },
            "Targets": [
                Match.object_like(
                    {"Arn": {"Fn::GetAtt": [Match.string_like_regexp("Finish"), "Arn"]}}
                )
            ],
        },
    )


def test_claims_expire_and_can_be_recovered(template: Template) -> None:
    """An entry that nobody needs any more goes by itself."""
    template.has_resource_properties(
        "AWS::DynamoDB::GlobalTable",
        {
            "BillingMode": "PAY_PER_REQUEST",
            "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
            "Replicas": [
                {
                    "Region": "eu-west-1",
                    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                }
            ],
        },
    )


def test_a_payload_must_fit_the_models_server(
    new_stack: Callable[[], Stack], artifact: ModelArtifact
) -> None:
    """Where the model's environment says how much that takes."""
    stack = new_stack()
    encryption = EncryptionKey(stack, "Encryption")
    data = DataBucket(stack, "Data", encryption=encryption)

    def make(name: str, limit: int) -> None:
        environment = {"MAX_CONTENT_LENGTH": str(limit)}
        BatchTransformWorkflow(
            stack,
            name,
            model=InferenceModel(stack, f"{name}Model", artifact=artifact, environment=environment),
            inputs=[data.prefix("in/")],
            output=data.prefix("out/"),
            notifications=Notifications(stack, f"{name}Told", encryption=encryption),
            encryption=encryption,
        )

    make("Fits", 6 * 1024 * 1024)
    with pytest.raises(ValueError, match="max_payload_mb is 6, and the model's MAX_CONTENT_LENGTH"):
        make("Exceeds", 6 * 1024 * 1024 - 1)


def test_executions_are_logged_traced_and_encrypted(template: Template) -> None:
    """With the data of each state, under the customer-managed key."""
    template.has_resource_properties(
        "AWS::StepFunctions::StateMachine",
        {
            "LoggingConfiguration": {"Level": "ALL", "IncludeExecutionData": True},
            "TracingConfiguration": {"Enabled": True},
            "EncryptionConfiguration": {"Type": "CUSTOMER_MANAGED_KMS_KEY", "KmsKeyId": KEY},
        },
    )


def test_the_state_machine_waits_for_its_rights(template: Template) -> None:
    """Its creation fails if its role cannot deliver logs yet."""
    template.has_resource(
        "AWS::StepFunctions::StateMachine",
        {
            "DependsOn": Match.array_with([Match.string_like_regexp("^WorkflowRolePolicy")]),
        },
    )


def test_every_log_is_encrypted_and_ends(template: Template) -> None:
    """The logs hold the places of data."""
    template.all_resources_properties(
        "AWS::Logs::LogGroup", {"KmsKeyId": KEY, "RetentionInDays": Match.any_value()}
    )


@pytest.mark.parametrize("metric", ["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"])
def test_each_bad_end_of_an_execution_raises_an_alarm(template: Template, metric: str) -> None:
    """Also those that the workflow cannot tell of itself."""
    template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            "Namespace": "AWS/States",
            "MetricName": metric,
            "Statistic": "Sum",
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "Dimensions": [{"Name": "StateMachineArn", "Value": Match.any_value()}],
            "AlarmActions": [{"Ref": Match.string_like_regexp("^Notifications")}],
        },
    )


def test_alarms_may_use_the_topics_key(template: Template) -> None:
    """Without it they would fail without a word."""
    template.has_resource_properties(
        "AWS::KMS::Key",
        {
            "KeyPolicy": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                                "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                            }
                        )
                    ]
                )
            }
        },
    )


def test_who_starts_executions_may_encrypt_their_input(make_workflow: MakeWorkflow) -> None:
    """Step Functions does it on behalf of the caller."""
    workflow = make_workflow()
    stack = Stack.of(workflow)
    caller = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
    workflow.grant_start_execution(caller)
    Template.from_stack(stack).has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Action": "states:StartExecution",
                                "Resource": {"Ref": Match.string_like_regexp("StateMachine")},
                            }
                        ),
                        Match.object_like(
                            {"Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": KEY}
                        ),
                    ]
                )
            }
        },
    )


@pytest.mark.parametrize(
    ("prefix", "fits"),
    [
        ("churn", True),
        ("a" * 39, True),
        ("a" * 40, False),
        ("churn--eu-1", True),
        ("Churn", False),
        ("-churn", False),
        ("churn-", False),
        ("", False),
    ],
)
def test_the_names_of_jobs_begin_as_the_service_and_the_policy_allow(
    make_workflow: MakeWorkflow, prefix: str, fits: bool
) -> None:
    """A job's ARN has its name in lower case, so the policy would not match another."""
    if fits:
        make_workflow(job_name_prefix=prefix)
    else:
        with pytest.raises(ValueError, match="job_name_prefix must be 1 to 39 lower-case"):
            make_workflow(job_name_prefix=prefix)


def test_workflows_of_one_account_have_prefixes_of_their_own(
    make_workflow: MakeWorkflow,
    read_definition: Callable[[Template], dict[str, Any]],
) -> None:
    """By default the prefix tells the stack."""
    template = Template.from_stack(Stack.of(make_workflow(job_name_prefix=None)))
    workflow = read_definition(template)["States"]["Plan"]["Parameters"]["workflow"]
    assert workflow["job_name_prefix"].startswith("shop-dev-batch-workflow-")


@pytest.mark.parametrize(
    ("inputs", "output", "reason"),
    [
        (("in/", "more/"), "out/", None),
        ((), "out/", "inputs must name at least one place"),
        (("data/",), "data/out/", "output 'data/out/' and input 'data/' overlap"),
        (("data/in/",), "data/", "overlap"),
    ],
)
def test_results_are_never_read_as_input(
    make_workflow: MakeWorkflow, inputs: tuple[str, ...], output: str, reason: str | None
) -> None:
    """Refused before anything is deployed."""
    if reason is None:
        make_workflow(inputs=inputs, output=output)
    else:
        with pytest.raises(ValueError, match="batch workflow") as error:
            make_workflow(inputs=inputs, output=output)
        assert reason in str(error.value)


@pytest.mark.parametrize(
    ("prefix", "fits"), [("input/", True), ("a/b/", True), ("input", False), ("/in/", False)]
)
def test_a_prefix_ends_where_a_folder_ends(
    new_stack: Callable[[], Stack], prefix: str, fits: bool
) -> None:
    """Else the rights to `input` would be rights to `input-of-others/`."""
    bucket = s3.Bucket(new_stack(), "Bucket")
    if fits:
        assert S3Prefix(bucket=bucket, prefix=prefix).uri.endswith(f"/{prefix}")
    else:
        with pytest.raises(ValueError, match="expected a prefix such as 'input/'"):
            S3Prefix(bucket=bucket, prefix=prefix)


def test_a_bucket_of_ones_own_is_read_under_its_own_key(new_stack: Callable[[], Stack]) -> None:
    """A bucket without a customer-managed key needs no right to one."""
    stack = new_stack()
    role = iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal())
    policy = iam.ManagedPolicy(stack, "Policy", roles=[role])
    theirs = s3.Bucket.from_bucket_name(stack, "Theirs", "theirs")
    S3Prefix(bucket=theirs, prefix="in/").grant_read(policy)
    document = stack.resolve(policy.document)
    assert {action for one in document["Statement"] for action in actions(one)} == {
        "s3:ListBucket",
        "s3:GetObject",
    }


def test_the_data_bucket_is_closed_encrypted_versioned_and_logged(template: Template) -> None:
    """And what it logs to is closed as well."""
    template.has_resource(
        "AWS::S3::Bucket",
        {
            "DeletionPolicy": "Retain",
            "Properties": {
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [
                        {
                            "BucketKeyEnabled": True,
                            "ServerSideEncryptionByDefault": {
                                "SSEAlgorithm": "aws:kms",
                                "KMSMasterKeyID": KEY,
                            },
                        }
                    ]
                },
                "LoggingConfiguration": {
                    "DestinationBucketName": {"Ref": Match.string_like_regexp("^DataLogs")}
                },
            },
        },
    )
    template.all_resources_properties(
        "AWS::S3::Bucket",
        {
            "VersioningConfiguration": {"Status": "Enabled"},
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "LifecycleConfiguration": Match.any_value(),
        },
    )
    template.all_resources_properties(
        "AWS::S3::BucketPolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Effect": "Deny",
                                "Action": "s3:*",
                                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                            }
                        )
                    ]
                )
            }
        },
    )


def test_data_that_is_kept_is_not_emptied(template: Template) -> None:
    """Nothing in such a stack may delete an object."""
    template.resource_count_is("Custom::EmptiedBuckets", 0)
    assert "s3:DeleteObject" not in str(template.to_json())


def test_buckets_that_go_with_their_stack_are_emptied_first(make_workflow: MakeWorkflow) -> None:
    """While the role may still do it, and before the policies go."""
    workflow = make_workflow(removal_policy=RemovalPolicy.DESTROY)
    template = Template.from_stack(Stack.of(workflow))
    (emptied,) = template.find_resources("Custom::EmptiedBuckets").values()
    assert emptied["Properties"]["Buckets"][0]["Ref"].startswith("DataBucket")
    assert emptied["Properties"]["LogBuckets"][0]["Ref"].startswith("DataLogs")
    for needed in ("DataEmptierRolePolicy", "DataBucketPolicy", "DataLogsPolicy"):
        assert any(name.startswith(needed) for name in emptied["DependsOn"]), needed


def test_the_metrics_are_those_of_step_functions(make_workflow: MakeWorkflow) -> None:
    """Named as the service names them."""
    workflow = make_workflow()
    metrics = [
        workflow.metric_started(),
        workflow.metric_succeeded(),
        workflow.metric_failed(),
        workflow.metric_aborted(),
        workflow.metric_timed_out(),
        workflow.metric_time(),
    ]
    assert {metric.namespace for metric in metrics} == {"AWS/States"}
    assert [metric.metric_name for metric in metrics] == [
        "ExecutionsStarted",
        "ExecutionsSucceeded",
        "ExecutionsFailed",
        "ExecutionsAborted",
        "ExecutionsTimedOut",
        "ExecutionTime",
    ]
