"""`DataCapture`: which requests and answers of an endpoint are kept in S3."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from aws_cdk import Token
from aws_cdk import aws_sagemaker as sagemaker

from inference_constructs.faults import refuse
from inference_constructs.s3_prefix import S3Prefix
from inference_constructs.service_role import ServiceRole
from inference_constructs.wildcards import acknowledge_wildcard

_PERCENT = 100
_MOST_CONTENT_TYPES = 10


class CaptureMode(StrEnum):
    """A side of the conversation, in SageMaker's own words."""

    INPUT = "Input"
    OUTPUT = "Output"


@dataclass(frozen=True, kw_only=True)
class DataCapture:
    """Requests and answers that an endpoint writes to S3, as lines of JSON, for monitoring.

    They are encrypted with the bucket's key, if it has one of its own.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html

    Attributes:
        destination: where they go; below it SageMaker adds endpoint, variant, date and hour.
        sampling_percent: how many of 100 requests are kept, a whole number.
        modes: which sides are kept.
        csv_content_types: bodies of these types are kept as text that is CSV.
        json_content_types: bodies of these types are kept as JSON. All others are kept as Base64.
    """

    destination: S3Prefix
    sampling_percent: int = _PERCENT
    modes: Sequence[CaptureMode] = (CaptureMode.INPUT, CaptureMode.OUTPUT)
    csv_content_types: Sequence[str] = ("text/csv",)
    json_content_types: Sequence[str] = ("application/json",)

    def __post_init__(self) -> None:
        """Refuses what `CreateEndpointConfig` refuses.

        Raises:
            ValueError: names all that is wrong.
        """
        refuse("data capture", self._faults())

    def definition(self) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty:
        """The capture as CloudFormation has it."""
        config = sagemaker.CfnEndpointConfig
        key = self.destination.bucket.encryption_key
        content_types = None
        if self.csv_content_types or self.json_content_types:
            content_types = config.CaptureContentTypeHeaderProperty(
                csv_content_types=list(self.csv_content_types) or None,
                json_content_types=list(self.json_content_types) or None,
            )
        return config.DataCaptureConfigProperty(
            enable_capture=True,
            initial_sampling_percentage=self.sampling_percent,
            destination_s3_uri=self.destination.directory_uri,
            kms_key_id=None if key is None else key.key_arn,
            capture_options=[
                config.CaptureOptionProperty(capture_mode=mode.value) for mode in self.modes
            ],
            capture_content_type_header=content_types,
        )

    def allow(self, role: ServiceRole) -> None:
        """Lets the containers' role write what is captured.

        Args:
            role: the role of a model behind the endpoint.
        """
        self.destination.grant_write(role.grantee)
        acknowledge_wildcard(
            role,
            self.destination.objects_arn,
            "Captured objects are named by SageMaker, by endpoint, variant and hour; writing is "
            "confined to their prefix of the one bucket",
        )

    def _faults(self) -> list[str]:
        faults = []
        percent = self.sampling_percent
        if not Token.is_unresolved(percent) and not (
            isinstance(percent, int) and 0 <= percent <= _PERCENT
        ):
            faults.append(
                f"sampling_percent must be a whole number from 0 to {_PERCENT}, not {percent}"
            )
        if not self.modes or len(set(self.modes)) != len(self.modes):
            faults.append("modes must name input, output or both, each once")
        for name, types in (
            ("csv_content_types", self.csv_content_types),
            ("json_content_types", self.json_content_types),
        ):
            if len(types) > _MOST_CONTENT_TYPES:
                faults.append(f"at most {_MOST_CONTENT_TYPES} {name} are allowed, not {len(types)}")
        both = sorted(set(self.csv_content_types) & set(self.json_content_types))
        if both:
            faults.append(f"{', '.join(both)} cannot be both CSV and JSON: name it once")
        return faults
