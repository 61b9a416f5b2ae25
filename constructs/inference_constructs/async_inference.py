"""`AsyncInference`: where an asynchronous endpoint reads and writes, and whom it tells."""

from dataclasses import dataclass

from aws_cdk import Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker

from inference_constructs.faults import refuse
from inference_constructs.notifications import Notifications
from inference_constructs.s3_prefix import S3Prefix
from inference_constructs.service_role import ServiceRole
from inference_constructs.wildcards import acknowledge_wildcard

PAGE = "https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html"

_MOST_INVOCATIONS = 1000


@dataclass(frozen=True, kw_only=True)
class AsyncInference:
    """The way of a request through an asynchronous endpoint, from S3 to S3.

    Answers are encrypted with the key of their bucket, if it has one of its own. Topics are told by
    the model's role, which gets the use of their keys.

    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-create-endpoint.html

    Attributes:
        input: where clients put their requests.
        output: where the answers go.
        failures: where the answers of failed requests go.
        success: is told of each answer; by default nobody is.
        error: is told of each failed request; by default nobody is.
        include_response: whether answers of up to 128 KB are in the messages, too.
        max_concurrent_invocations: requests that one instance answers at once; by default
            SageMaker chooses.
    """

    input: S3Prefix
    output: S3Prefix
    failures: S3Prefix
    success: Notifications | None = None
    error: Notifications | None = None
    include_response: bool = False
    max_concurrent_invocations: int | None = None

    def __post_init__(self) -> None:
        """Refuses what `CreateEndpointConfig` refuses, and places that mix.

        Raises:
            ValueError: names all that is wrong.
        """
        refuse("async inference", self._faults())

    def definition(self) -> sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty:
        """The configuration as CloudFormation has it."""
        config = sagemaker.CfnEndpointConfig
        key = self.output.bucket.encryption_key
        topics = {
            "SUCCESS_NOTIFICATION_TOPIC": self.success,
            "ERROR_NOTIFICATION_TOPIC": self.error,
        }
        told = [name for name, topic in topics.items() if topic is not None]
        return config.AsyncInferenceConfigProperty(
            client_config=None
            if self.max_concurrent_invocations is None
            else config.AsyncInferenceClientConfigProperty(
                max_concurrent_invocations_per_instance=self.max_concurrent_invocations
            ),
            output_config=config.AsyncInferenceOutputConfigProperty(
                kms_key_id=None if key is None else key.key_arn,
                s3_output_path=self.output.directory_uri,
                s3_failure_path=self.failures.directory_uri,
                notification_config=None
                if not told
                else config.AsyncInferenceNotificationConfigProperty(
                    success_topic=None if self.success is None else self.success.topic_arn,
                    error_topic=None if self.error is None else self.error.topic_arn,
                    include_inference_response_in=told if self.include_response else None,
                ),
            ),
        )

    def allow(self, role: ServiceRole) -> None:
        """Lets the containers' role fetch requests, write answers and tell of both.

        https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-create-endpoint-prerequisites.html

        Args:
            role: the role of the model behind the endpoint.
        """
        self.input.grant_read(role.grantee)
        self.output.grant_write(role.grantee)
        self.failures.grant_write(role.grantee)
        for place in (self.input, self.output, self.failures):
            acknowledge_wildcard(
                role,
                place.objects_arn,
                "Clients name the requests and SageMaker the answers; reading and writing are "
                "granted apart, each below one prefix of one bucket",
            )
        for topic in dict.fromkeys((self.success, self.error)):
            if topic is not None:
                topic.grant_publish(role.grantee)

    def grant(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lets a client put requests and read what becomes of them.

        Args:
            grantee: who asks.
        """
        return (
            self.input.grant_write(grantee)
            .combine(self.output.grant_read(grantee))
            .combine(self.failures.grant_read(grantee))
        )

    def _faults(self) -> list[str]:
        faults = []
        most = self.max_concurrent_invocations
        if (
            most is not None
            and not Token.is_unresolved(most)
            and not 1 <= most <= _MOST_INVOCATIONS
        ):
            faults.append(
                f"max_concurrent_invocations must be 1 to {_MOST_INVOCATIONS}, not {most} ({PAGE})"
            )
        if self.include_response and self.success is None and self.error is None:
            faults.append("include_response needs success or error, the topics to include it in")
        places = {"input": self.input, "output": self.output, "failures": self.failures}
        for one, other in (("input", "output"), ("input", "failures"), ("output", "failures")):
            if places[one].overlaps(places[other]):
                faults.append(
                    f"{one} and {other} must not share a prefix: a client could not tell them "
                    "apart, and could read or write what is not its own"
                )
        return faults
