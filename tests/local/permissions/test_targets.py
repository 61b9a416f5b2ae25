"""What a request needs: recorded from boto3, so that the wire format is the real one."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config

from local_aws.permissions.operations import call_of, signature_of
from local_aws.permissions.targets import Place, targets_of

PLACE = Place("us-east-1", "123456789012")
EVENT = {"timestamp": 1, "message": "m"}
A = "arn:aws:{}:us-east-1:123456789012:{}"


class Stopped(Exception):
    """Raised instead of sending."""


def record(service: str, ask: Callable[[Any], Any]) -> dict[str, Any]:
    """The WSGI environment that boto3's request would arrive with."""
    client = boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url="http://localhost:1",
        aws_access_key_id="ASIAEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(s3={"addressing_style": "path"}, ignore_configured_endpoint_urls=True),
    )
    sent: list[AWSPreparedRequest] = []

    def stop(request: AWSPreparedRequest, **_: Any) -> None:
        sent.append(request)
        raise Stopped

    client.meta.events.register("before-send", stop)
    with pytest.raises(Stopped):
        ask(client)
    (request,) = sent
    url = urlsplit(request.url)
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    body = body.encode() if isinstance(body, str) else body
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": url.path,
        "QUERY_STRING": url.query,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    for name, value in request.headers.items():
        text = value.decode() if isinstance(value, bytes) else value
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = text
    return environ


def needs(service: str, ask: Callable[[Any], Any]) -> list[tuple[str, str]]:
    """Actions and resources of a boto3 call."""
    environ = record(service, ask)
    signature = signature_of(environ)
    assert signature is not None
    assert signature.access_key == "ASIAEXAMPLE"
    call = call_of(environ, signature)
    return [(target.action, target.resource) for target in targets_of(call, PLACE)]


CALLS: list[tuple[str, Callable[[Any], Any], list[tuple[str, str]]]] = [
    (
        "s3",
        lambda s3: s3.get_object(Bucket="data", Key="in/a b.csv"),
        [("s3:GetObject", "arn:aws:s3:::data/in/a b.csv")],
    ),
    (
        "s3",
        lambda s3: s3.get_object(Bucket="data", Key="k", VersionId="1"),
        [("s3:GetObjectVersion", "arn:aws:s3:::data/k")],
    ),
    (
        "s3",
        lambda s3: s3.head_object(Bucket="data", Key="k"),
        [("s3:GetObject", "arn:aws:s3:::data/k")],
    ),
    ("s3", lambda s3: s3.list_objects_v2(Bucket="data"), [("s3:ListBucket", "arn:aws:s3:::data")]),
    ("s3", lambda s3: s3.list_buckets(), [("s3:ListAllMyBuckets", "*")]),
    (
        "s3",
        lambda s3: s3.put_object(Bucket="data", Key="k", Body=b"1", Tagging="a=b"),
        [
            ("s3:PutObject", "arn:aws:s3:::data/k"),
            ("s3:PutObjectTagging", "arn:aws:s3:::data/k"),
        ],
    ),
    (
        "s3",
        lambda s3: s3.create_multipart_upload(Bucket="data", Key="k"),
        [("s3:PutObject", "arn:aws:s3:::data/k")],
    ),
    (
        "s3",
        lambda s3: s3.upload_part(Bucket="data", Key="k", PartNumber=1, UploadId="u", Body=b"1"),
        [("s3:PutObject", "arn:aws:s3:::data/k")],
    ),
    (
        "s3",
        lambda s3: s3.abort_multipart_upload(Bucket="data", Key="k", UploadId="u"),
        [("s3:AbortMultipartUpload", "arn:aws:s3:::data/k")],
    ),
    (
        "s3",
        lambda s3: s3.copy_object(Bucket="to", Key="k", CopySource={"Bucket": "from", "Key": "o"}),
        [("s3:PutObject", "arn:aws:s3:::to/k"), ("s3:GetObject", "arn:aws:s3:::from/o")],
    ),
    (
        "s3",
        lambda s3: s3.delete_objects(
            Bucket="data", Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]}
        ),
        [("s3:DeleteObject", "arn:aws:s3:::data/a"), ("s3:DeleteObject", "arn:aws:s3:::data/b")],
    ),
    (
        "s3",
        lambda s3: s3.delete_objects(
            Bucket="data", Delete={"Objects": [{"Key": "a", "VersionId": "v"}, {"Key": "b"}]}
        ),
        [
            ("s3:DeleteObject", "arn:aws:s3:::data/a"),
            ("s3:DeleteObjectVersion", "arn:aws:s3:::data/a"),
            ("s3:DeleteObject", "arn:aws:s3:::data/b"),
        ],
    ),
    (
        "s3",
        lambda s3: s3.get_bucket_encryption(Bucket="data"),
        [("s3:GetEncryptionConfiguration", "arn:aws:s3:::data")],
    ),
    (
        "sagemaker",
        lambda api: api.describe_transform_job(TransformJobName="Job-1"),
        [("sagemaker:DescribeTransformJob", A.format("sagemaker", "transform-job/job-1"))],
    ),
    (
        "sagemaker",
        lambda api: api.create_endpoint(EndpointName="e", EndpointConfigName="c"),
        [
            ("sagemaker:CreateEndpoint", A.format("sagemaker", "endpoint/e")),
            ("sagemaker:CreateEndpoint", A.format("sagemaker", "endpoint-config/c")),
        ],
    ),
    (
        "sagemaker",
        lambda api: api.update_endpoint_weights_and_capacities(
            EndpointName="e", DesiredWeightsAndCapacities=[{"VariantName": "v"}]
        ),
        [("sagemaker:UpdateEndpointWeightsAndCapacities", A.format("sagemaker", "endpoint/e"))],
    ),
    ("sagemaker", lambda api: api.list_models(), [("sagemaker:ListModels", "*")]),
    (
        "sagemaker-runtime",
        lambda api: api.invoke_endpoint(EndpointName="e", Body=b"1,2"),
        [("sagemaker:InvokeEndpoint", A.format("sagemaker", "endpoint/e"))],
    ),
    (
        "sagemaker-runtime",
        lambda api: api.invoke_endpoint(EndpointName="e", Body=b"1", InferenceComponentName="C"),
        [
            ("sagemaker:InvokeEndpoint", A.format("sagemaker", "endpoint/e")),
            ("sagemaker:InvokeEndpoint", A.format("sagemaker", "inference-component/c")),
        ],
    ),
    (
        "sagemaker",
        lambda api: api.create_inference_component(InferenceComponentName="c", EndpointName="e"),
        [
            ("sagemaker:CreateInferenceComponent", A.format("sagemaker", "endpoint/e")),
            ("sagemaker:CreateInferenceComponent", A.format("sagemaker", "inference-component/c")),
        ],
    ),
    (
        "logs",
        lambda api: api.put_log_events(logGroupName="/g", logStreamName="s", logEvents=[EVENT]),
        [("logs:PutLogEvents", A.format("logs", "log-group:/g:log-stream:s"))],
    ),
    (
        "logs",
        lambda api: api.create_log_stream(logGroupName="/g", logStreamName="s"),
        [("logs:CreateLogStream", A.format("logs", "log-group:/g:log-stream:s"))],
    ),
    (
        "sns",
        lambda api: api.publish(TopicArn=A.format("sns", "t"), Message="m"),
        [("sns:Publish", A.format("sns", "t"))],
    ),
    (
        "sqs",
        lambda api: api.send_message(QueueUrl="http://localhost:1/123456789012/q", MessageBody="m"),
        [("sqs:SendMessage", A.format("sqs", "q"))],
    ),
    (
        "lambda",
        lambda api: api.invoke(FunctionName="f", Payload=b"{}"),
        [("lambda:InvokeFunction", A.format("lambda", "function:f"))],
    ),
    (
        "lambda",
        lambda api: api.invoke(FunctionName=A.format("lambda", "function:f"), Qualifier="1"),
        [("lambda:InvokeFunction", A.format("lambda", "function:f:1"))],
    ),
    (
        "stepfunctions",
        lambda api: api.start_execution(stateMachineArn=A.format("states", "stateMachine:m")),
        [("states:StartExecution", A.format("states", "stateMachine:m"))],
    ),
    (
        "events",
        lambda api: api.put_rule(Name="r", ScheduleExpression="rate(1 day)"),
        [("events:PutRule", A.format("events", "rule/r"))],
    ),
    (
        "events",
        lambda api: api.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"}]),
        [("events:PutEvents", A.format("events", "event-bus/default"))],
    ),
    (
        "scheduler",
        lambda api: api.delete_schedule(Name="s", GroupName="g"),
        [("scheduler:DeleteSchedule", A.format("scheduler", "schedule/g/s"))],
    ),
    (
        "ssm",
        lambda api: api.get_parameter(Name="/cdk-bootstrap/hnb659fds/version"),
        [("ssm:GetParameter", A.format("ssm", "parameter/cdk-bootstrap/hnb659fds/version"))],
    ),
    (
        "iam",
        lambda api: api.get_role(RoleName="r"),
        [("iam:GetRole", "arn:aws:iam::123456789012:role/r")],
    ),
    (
        "cloudformation",
        lambda api: api.describe_stacks(StackName="s"),
        [("cloudformation:DescribeStacks", A.format("cloudformation", "stack/s/*"))],
    ),
    (
        "cloudwatch",
        lambda api: api.put_metric_data(Namespace="N", MetricData=[{"MetricName": "m"}]),
        [("cloudwatch:PutMetricData", "*")],
    ),
    (
        "cloudwatch",
        lambda api: api.describe_alarms(AlarmNames=["a"]),
        [("cloudwatch:DescribeAlarms", A.format("cloudwatch", "alarm:a"))],
    ),
    (
        "dynamodb",
        lambda api: api.get_item(TableName="t", Key={"id": {"S": "1"}}),
        [("dynamodb:GetItem", A.format("dynamodb", "table/t"))],
    ),
    (
        "kms",
        lambda api: api.generate_data_key(KeyId="1234", KeySpec="AES_256"),
        [("kms:GenerateDataKey", A.format("kms", "key/1234"))],
    ),
    ("ec2", lambda api: api.describe_subnets(), [("ec2:DescribeSubnets", "*")]),
    (
        "sts",
        lambda api: api.assume_role(
            RoleArn="arn:aws:iam::123456789012:role/r",
            RoleSessionName="now",
            Tags=[{"Key": "a", "Value": "b"}],
        ),
        [
            ("sts:AssumeRole", "arn:aws:iam::123456789012:role/r"),
            ("sts:TagSession", "arn:aws:iam::123456789012:role/r"),
        ],
    ),
    (
        "ec2",
        lambda api: api.revoke_security_group_ingress(
            GroupId="sg-1", IpPermissions=[{"IpProtocol": "-1"}]
        ),
        [("ec2:RevokeSecurityGroupIngress", A.format("ec2", "security-group/sg-1"))],
    ),
]


@pytest.mark.parametrize(
    ("service", "ask", "expected"), CALLS, ids=[f"{c[0]} {c[2][0][0]}" for c in CALLS]
)
def test_a_call_needs_its_action_on_its_resource(
    service: str, ask: Callable[[Any], Any], expected: list[tuple[str, str]]
) -> None:
    """Names and ARNs of AWS's Service Authorization Reference."""
    assert needs(service, ask) == expected


def test_a_body_that_was_read_is_put_back() -> None:
    """The application behind reads the same body again."""
    environ = record("sns", lambda api: api.publish(TopicArn=A.format("sns", "t"), Message="hello"))
    signature = signature_of(environ)
    assert signature is not None
    call_of(environ, signature)
    assert b"Message=hello" in environ["wsgi.input"].read()


def test_an_object_s_body_is_not_read() -> None:
    """Uploads stream through."""
    environ = record("s3", lambda s3: s3.put_object(Bucket="data", Key="k", Body=b"x" * 1000))
    before = environ["wsgi.input"]
    signature = signature_of(environ)
    assert signature is not None
    call_of(environ, signature)
    assert environ["wsgi.input"] is before
    assert before.tell() == 0


def test_a_presigned_url_tells_who_signed() -> None:
    """The signature stands in the query."""
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="ASIAEXAMPLE",
        aws_secret_access_key="secret",
    )
    url = urlsplit(client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"}))
    found = signature_of({"QUERY_STRING": url.query})
    assert found is not None
    assert (found.access_key, found.service) == ("ASIAEXAMPLE", "s3")
