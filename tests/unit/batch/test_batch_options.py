"""Options that a transform job can run with, and those that it cannot."""

from typing import Any

import botocore.session
import botocore.validate
import pytest
from aws_cdk import Aws, Duration, Size

from inference_constructs import (
    AssembleType,
    BatchStrategy,
    CompressionType,
    JoinSource,
    SplitType,
    TransformOptions,
)

JSON_LINES = "application/jsonlines"

# What passes, what is refused, and a part of the reason.
PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "an instance type of transform jobs": (
        {"instance_type": "ml.m5.large"},
        {"instance_type": "ml.t2.medium"},
        "'ml.t2.medium' is not offered for batch transform",
    ),
    "instances": ({"instance_count": 100}, {"instance_count": 0}, "instance_count"),
    "payload": (
        {"max_payload": Size.mebibytes(100), "max_concurrent_transforms": 1},
        {"max_payload": Size.mebibytes(101), "max_concurrent_transforms": 1},
        "max_payload_mb of at most 100, got 101",
    ),
    "no chunked payload": (
        {"max_payload": Size.mebibytes(1)},
        {"max_payload": Size.mebibytes(0)},
        "at least 1 for max_payload_mb, got 0",
    ),
    "payload x concurrency": (
        {"max_payload": Size.mebibytes(5), "max_concurrent_transforms": 20},
        {"max_payload": Size.mebibytes(100), "max_concurrent_transforms": 20},
        "100 x 20 = 2000, the service takes at most 100",
    ),
    "join of lines": (
        {"join": JoinSource.INPUT},
        {"join": JoinSource.INPUT, "split": SplitType.NONE},
        "split must be Line",
    ),
    "join assembled by line": (
        {"join": JoinSource.INPUT, "assemble": AssembleType.LINE},
        {"join": JoinSource.INPUT, "assemble": AssembleType.NONE},
        "assemble must be Line",
    ),
    "join of one type": (
        {"join": JoinSource.INPUT, "content_type": JSON_LINES, "accept": JSON_LINES},
        {"join": JoinSource.INPUT, "content_type": JSON_LINES},
        "same content_type and accept",
    ),
    "join of text": (
        {
            "join": JoinSource.INPUT,
            "content_type": "application/json",
            "accept": "application/json",
        },
        {"join": JoinSource.INPUT, "content_type": "text/plain", "accept": "text/plain"},
        "join Input works on",
    ),
    "open slice": ({"input_filter": "$[1:]"}, {"input_filter": "$[1:4]"}, "slice with an end"),
    "slice up to": ({"output_filter": "$[-1]"}, {"output_filter": "$[:2]"}, "slice with an end"),
    "indexes of CSV": ({"input_filter": "$[0,2,-1]"}, {"input_filter": "$.age"}, "indexes only"),
    "names of JSON": (
        {"output_filter": "$['id','SageMakerOutput']", "accept": JSON_LINES},
        {"output_filter": "$['id','SageMakerOutput']"},
        "indexes only",
    ),
    "a JSONPath": ({"input_filter": "$"}, {"input_filter": "1:"}, "expected a JSONPath"),
    "a filter's length": (
        {"input_filter": "$[" + ",".join(["1"] * 30) + "]"},  # 62 characters
        {"input_filter": "$[" + ",".join(["1"] * 31) + "]"},  # 64
        "at most 63 characters, got 64",
    ),
    "a filter on text": (
        {"input_filter": "$", "content_type": "image/png"},
        {"input_filter": "$[0]", "content_type": "image/png"},
        "content_type is image/png",
    ),
    "single records": (
        {"strategy": BatchStrategy.SINGLE_RECORD},
        {"strategy": BatchStrategy.SINGLE_RECORD, "split": SplitType.NONE},
        "SingleRecord needs a split",
    ),
    "retries of invocations": (
        {"invocation_retries": 0},
        {"invocation_retries": 4},
        "at least 0 and at most 3 for invocation_retries, got 4",
    ),
    "timeout of invocations": (
        {"invocation_timeout": Duration.hours(1)},
        {"invocation_timeout": Duration.seconds(3601)},
        "at least 1 and at most 3600 for invocation_timeout_seconds, got 3601",
    ),
    "timeout of the job": (
        {"timeout": Duration.seconds(601)},
        {"timeout": Duration.minutes(10)},
        "must be longer than invocation_timeout",
    ),
    "attempts": ({"attempts": 1}, {"attempts": 0}, "attempts must be from 1 to 10"),
    "media types": ({"accept": "a/b"}, {"accept": ""}, "1 to 256 characters for accept, got 0"),
    "variables": (
        {"environment": {f"V{i}": "1" for i in range(15)}},
        {"environment": {f"V{i}": "1" for i in range(16)}},
        "at most 16 variables in environment, got 17",
    ),
    "a variable's name": ({"environment": {"A_1": "x"}}, {"environment": {"1": "x"}}, "'1' is no"),
    "tags": ({"tags": {"team": "shop"}}, {"tags": {"aws:x": "1"}}, "not begin with aws:"),
    "compression": ({"compression": CompressionType.GZIP}, {"compression": "Zip"}, "None, Gzip"),
}


@pytest.mark.parametrize(("passes", "refused", "reason"), PAIRS.values(), ids=PAIRS.keys())
def test_options_are_refused_with_the_reason_where_the_service_would_refuse_them(
    passes: dict[str, Any], refused: dict[str, Any], reason: str
) -> None:
    """Each comes as a pair of what passes and what is refused."""
    TransformOptions(**passes)
    with pytest.raises(ValueError, match="transform options") as error:
        TransformOptions(**refused)
    assert reason in str(error.value)


def test_all_faults_come_in_one_error() -> None:
    """Nobody has to synthesize again to learn of the next one."""
    with pytest.raises(ValueError, match="transform options") as error:
        TransformOptions(
            instance_type="ml.m5.huge",
            attempts=11,
            join=JoinSource.INPUT,
            split=SplitType.NONE,
            max_concurrent_transforms=50,
            environment={"1": "x"},
        )
    for fault in ("ml.m5.huge", "attempts", "split must be Line", "6 x 50 = 300", "'1' is no"):
        assert fault in str(error.value)


@pytest.mark.parametrize(
    ("instance_type", "payload", "concurrency"),
    [
        ("ml.m5.large", 6, 2),
        ("ml.m5.xlarge", 6, 4),
        ("ml.c4.8xlarge", 2, 36),
        ("ml.m5.24xlarge", 1, 96),
        ("ml.m5.24xlarge", 6, 16),  # 16 x 6 is the most that stays within 100
        ("ml.m5.4xlarge", 60, 1),
    ],
)
def test_requests_at_once_are_as_many_as_the_container_has_workers(
    instance_type: str, payload: int, concurrency: int
) -> None:
    """The service's default is 1, which leaves every vCPU but one idle."""
    options = TransformOptions(instance_type=instance_type, max_payload=Size.mebibytes(payload))
    assert options.job(key_arn="key")["MaxConcurrentTransforms"] == concurrency


def test_an_instance_type_known_at_deployment_only_needs_the_number_of_requests_at_once() -> None:
    """Its vCPUs cannot be looked up."""
    TransformOptions(instance_type=Aws.NO_VALUE, max_concurrent_transforms=2)
    with pytest.raises(ValueError, match="max_concurrent_transforms must be given"):
        TransformOptions(instance_type=Aws.NO_VALUE)


def test_the_models_server_waits_longer_than_sagemaker_does() -> None:
    """Its own default of 60 s would end requests that SageMaker grants ten minutes."""
    job = TransformOptions(invocation_timeout=Duration.minutes(30)).job(key_arn="key")
    assert job["ModelClientConfig"]["InvocationsTimeoutInSeconds"] == 1800
    assert int(job["Environment"]["SAGEMAKER_MODEL_SERVER_TIMEOUT"]) > 1800


def test_volumes_are_encrypted_unless_the_instance_has_disks_of_its_own() -> None:
    """The service refuses a key for local disks."""
    volumes = {
        name: TransformOptions(instance_type=name).job(key_arn="key")["TransformResources"]
        for name in ("ml.m5.xlarge", "ml.g5.xlarge")
    }
    assert volumes["ml.m5.xlarge"]["VolumeKmsKeyId"] == "key"
    assert "VolumeKmsKeyId" not in volumes["ml.g5.xlarge"]


@pytest.mark.parametrize("passes", [pair[0] for pair in PAIRS.values()], ids=PAIRS.keys())
def test_the_job_is_one_that_the_api_takes(passes: dict[str, Any]) -> None:
    """Judged by the service's own model: names, types and values of every field."""
    job = TransformOptions(**passes).job(key_arn="arn:aws:kms:us-east-1:123456789012:key/k")
    job["TransformInput"]["DataSource"] = {
        "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/input/"}
    }
    job["TransformOutput"]["S3OutputPath"] = "s3://data/output/"
    shape = (
        botocore.session.get_session()
        .get_service_model("sagemaker")
        .operation_model("CreateTransformJob")
        .input_shape
    )
    report = botocore.validate.ParamValidator().validate(
        {"TransformJobName": "churn-0", "ModelName": "churn", **job}, shape
    )
    assert not report.has_errors(), report.generate_report()
    assert_enums(job, shape)


def assert_enums(value: Any, shape: Any) -> None:
    """Asserts that texts are among the values of their enumeration; botocore does not look."""
    if shape.type_name == "structure":
        for name, member in value.items():
            assert_enums(member, shape.members[name])
    elif getattr(shape, "enum", None):
        assert value in shape.enum
