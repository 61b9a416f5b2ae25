"""What an endpoint keeps of requests and answers: where, how many, and who may write it."""

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template

from inference_constructs import (
    CaptureMode,
    DataBucket,
    DataCapture,
    EncryptionKey,
    InferenceModel,
    ProductionVariant,
    RealtimeEndpoint,
    S3Prefix,
)


@pytest.fixture
def bucket(stack: Stack, encryption: EncryptionKey) -> DataBucket:
    """A bucket under a customer-managed key."""
    return DataBucket(stack, "Data", encryption=encryption)


@pytest.fixture
def capture(stack: Stack, model: InferenceModel) -> Callable[[DataCapture], Template]:
    """Makes an endpoint that captures, and its template."""

    def make(data_capture: DataCapture) -> Template:
        RealtimeEndpoint(
            stack,
            "Endpoint",
            variants=[ProductionVariant(model=model, instance_type="ml.m5.large")],
            data_capture=data_capture,
        )
        return Template.from_stack(stack)

    return make


def test_a_sample_of_both_sides_is_kept_under_the_buckets_key(
    capture: Callable[[DataCapture], Template], bucket: DataBucket
) -> None:
    """CSV and JSON stay readable, and everything is encrypted."""
    template = capture(DataCapture(destination=bucket.prefix("captured/"), sampling_percent=20))
    template.has_resource_properties(
        "AWS::SageMaker::EndpointConfig",
        {
            "DataCaptureConfig": {
                "EnableCapture": True,
                "InitialSamplingPercentage": 20,
                "DestinationS3Uri": {
                    "Fn::Join": ["", ["s3://", {"Ref": Match.any_value()}, "/captured"]]
                },
                "KmsKeyId": {"Fn::GetAtt": [Match.any_value(), "Arn"]},
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                "CaptureContentTypeHeader": {
                    "CsvContentTypes": ["text/csv"],
                    "JsonContentTypes": ["application/json"],
                },
            }
        },
    )


def test_the_model_may_write_below_the_prefix_and_no_more(
    capture: Callable[[DataCapture], Template],
    bucket: DataBucket,
    statements: Callable[[str], list[dict[str, Any]]],
) -> None:
    """Captured data is nobody's to read or to delete but its owner's."""
    capture(DataCapture(destination=bucket.prefix("captured/")))
    s3_statements = [
        statement
        for statement in statements("Runs the containers")
        if any(action.startswith("s3:Put") for action in statement["Action"])
    ]
    (statement,) = s3_statements
    assert statement["Action"] == ["s3:PutObject"]
    assert statement["Resource"]["Fn::Join"][1][-1] == "/captured/*"


def test_one_side_and_no_content_type_can_be_chosen(
    capture: Callable[[DataCapture], Template], stack: Stack
) -> None:
    """A bucket without a key of its own encrypts with S3's."""
    bucket = s3.Bucket.from_bucket_name(stack, "Theirs", "theirs")
    template = capture(
        DataCapture(
            destination=S3Prefix(bucket=bucket, prefix="captured/"),
            sampling_percent=0,
            modes=[CaptureMode.INPUT],
            csv_content_types=[],
            json_content_types=[],
        )
    )
    template.has_resource_properties(
        "AWS::SageMaker::EndpointConfig",
        {
            "DataCaptureConfig": {
                "InitialSamplingPercentage": 0,
                "DestinationS3Uri": "s3://theirs/captured",
                "CaptureOptions": [{"CaptureMode": "Input"}],
                "CaptureContentTypeHeader": Match.absent(),
                "KmsKeyId": Match.absent(),
            }
        },
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sampling_percent": -1}, "a whole number from 0 to 100, not -1"),
        ({"sampling_percent": 101}, "a whole number from 0 to 100, not 101"),
        ({"sampling_percent": 0.5}, "a whole number from 0 to 100, not 0.5"),
        ({"modes": []}, "modes must name input, output or both"),
        ({"modes": [CaptureMode.INPUT, CaptureMode.INPUT]}, "each once"),
        ({"csv_content_types": [f"text/{n}" for n in range(11)]}, "at most 10 csv_content_types"),
        ({"json_content_types": ["text/csv"]}, "text/csv cannot be both CSV and JSON"),
    ],
)
def test_what_sagemaker_refuses_is_refused(
    bucket: DataBucket, changes: dict[str, Any], reason: str
) -> None:
    """Better now than in the middle of a deployment."""
    with pytest.raises(ValueError, match=reason):
        DataCapture(**{"destination": bucket.prefix("captured/"), **changes})


@pytest.mark.parametrize("percent", [0, 1, 100])
def test_each_whole_percentage_is_taken(bucket: DataBucket, percent: int) -> None:
    """0 is a value: it keeps the capture configured, and captures nothing."""
    capture = DataCapture(destination=bucket.prefix("captured/"), sampling_percent=percent)
    assert capture.sampling_percent == percent
