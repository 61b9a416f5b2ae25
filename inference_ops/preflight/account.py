"""The account that is deployed to: its quotas, and what it uses of them."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from inference_ops.aws import aws_errors
from inference_ops.errors import AccessDeniedError
from inference_ops.preflight.finding import NotKnownError

if TYPE_CHECKING:
    import boto3

# The names of quotas: https://docs.aws.amazon.com/general/latest/gr/sagemaker.html
ENDPOINT_INSTANCES = "Number of instances across active endpoints"
TRANSFORM_INSTANCES = "Number of instances across all transform jobs"
SERVERLESS_CONCURRENCY = (
    "Maximum total concurrency that can be allocated across all serverless endpoints"
)
_SERVICE = "sagemaker"
# AWS mostly says which permission is missing; an answer without a body cannot.
_PERFORM = re.compile(r"not authorized to perform: ([a-z0-9-]+:\w+)")
_GONE = re.compile(r"could not find|does not exist", re.IGNORECASE)
_ARNS = {"EndpointArn", "EndpointConfigArn", "ModelArn"}
# Nothing of it runs any more.
_FAILED = "Failed"


def endpoint_quota(instance_type: str) -> str:
    """The name of a type's quota for endpoints."""
    return f"{instance_type} for endpoint usage"


def transform_quota(instance_type: str) -> str:
    """The name of a type's quota for transform jobs."""
    return f"{instance_type} for transform job usage"


@dataclass(frozen=True, kw_only=True)
class Quota:
    """A quota of the account in a region.

    Attributes:
        name: such as `ml.m5.large for endpoint usage`.
        code: of Service Quotas.
        value: how much it allows.
    """

    name: str
    code: str
    value: float


@dataclass(frozen=True, kw_only=True)
class LiveEndpoint:
    """What an endpoint uses now.

    Attributes:
        status: such as `InService`.
        instances: by type; under the empty text those whose type nothing tells any more.
        variants: how many each variant is to have.
        concurrency: the most requests at once of its serverless variants.
    """

    status: str
    instances: Counter[str] = field(default_factory=Counter)
    variants: Mapping[str, int] = field(default_factory=dict)
    concurrency: int = 0


class Account:
    """An account in a region. Each part is looked up once, when it is asked for.

    Args:
        session: with a region.
    """

    def __init__(self, session: "boto3.Session") -> None:
        self.session = session
        self.region = str(session.region_name)

    @cached_property
    def number(self) -> str:
        """The account's number, for which nobody needs a permission."""
        with aws_errors("the account"):
            return str(self.session.client("sts").get_caller_identity()["Account"])

    @cached_property
    def quotas(self) -> dict[str, Quota]:
        """SageMaker's quotas by their names: the account's own values, else AWS's defaults.

        Raises:
            NotKnownError: they may not be listed.
        """
        found: dict[str, Quota] = {}
        # AWS lists those without a value of the account's own among the defaults only.
        for operation, action in (
            ("list_aws_default_service_quotas", "servicequotas:ListAWSDefaultServiceQuotas"),
            ("list_service_quotas", "servicequotas:ListServiceQuotas"),
        ):
            with asking(action, "the quotas"):
                pages = self.session.client("service-quotas").get_paginator(operation)
                for page in pages.paginate(ServiceCode=_SERVICE):
                    for quota in page["Quotas"]:
                        if "Value" in quota:
                            name = quota["QuotaName"]
                            found[name] = Quota(
                                name=name, code=quota["QuotaCode"], value=quota["Value"]
                            )
        return found

    @cached_property
    def endpoints(self) -> dict[str, LiveEndpoint]:
        """What the endpoints use, by their names in lower case, as ARNs have them.

        Raises:
            NotKnownError: they may not be listed or described.
        """
        with asking("sagemaker:ListEndpoints", "the endpoints"):
            pages = self._sagemaker.get_paginator("list_endpoints").paginate()
            names = [each["EndpointName"] for page in pages for each in page["Endpoints"]]
        found = ((name, self._endpoint(name)) for name in names)
        return {name.lower(): endpoint for name, endpoint in found if endpoint is not None}

    def endpoint(self, name: str | None) -> LiveEndpoint | None:
        """What an endpoint uses; None where there is none.

        Args:
            name: its name, or the end of its ARN.

        Raises:
            NotKnownError: endpoints may not be listed or described.
        """
        return self.endpoints.get((name or "").lower())

    @cached_property
    def transform_instances(self) -> Counter[str]:
        """The instances of the transform jobs that run, by type.

        Raises:
            NotKnownError: they may not be listed or described.
        """
        with asking("sagemaker:ListTransformJobs", "the transform jobs"):
            pages = self._sagemaker.get_paginator("list_transform_jobs")
            jobs = [
                each["TransformJobName"]
                for page in pages.paginate(StatusEquals="InProgress")
                for each in page["TransformJobSummaries"]
            ]
        found: Counter[str] = Counter()
        for name in jobs:
            with asking("sagemaker:DescribeTransformJob", f"transform job {name}"):
                job = self._sagemaker.describe_transform_job(TransformJobName=name)
            resources = job["TransformResources"]
            found[resources["InstanceType"]] += resources["InstanceCount"]
        return found

    def arn(self, operation: str, action: str, **name: str) -> str | None:
        """The ARN of something of SageMaker's; None where there is no such thing.

        Args:
            operation: of the client, such as `describe_model`.
            action: the permission that it needs.
            name: the parameter that names it.

        Raises:
            NotKnownError: that may not be asked.
        """
        found = self._found(operation, action, **name) or {}
        return next((str(value) for key, value in found.items() if key in _ARNS), None)

    @cached_property
    def _sagemaker(self) -> Any:
        return self.session.client(_SERVICE)

    def _found(self, operation: str, action: str, **name: str) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        with asking(action, next(iter(name.values()))):
            try:
                found: dict[str, Any] = getattr(self._sagemaker, operation)(**name)
            except ClientError as error:
                if not _GONE.search(error.response["Error"].get("Message", "")):
                    raise
                return None
        return found

    def _endpoint(self, name: str) -> LiveEndpoint | None:
        described = self._found(
            "describe_endpoint", "sagemaker:DescribeEndpoint", EndpointName=name
        )
        if described is None:
            return None
        status = described["EndpointStatus"]
        if status == _FAILED:
            return LiveEndpoint(status=status)
        types = self._types(described.get("EndpointConfigName"))
        instances: Counter[str] = Counter()
        variants: dict[str, int] = {}
        concurrency = 0
        for variant in _variants(described):
            serverless = variant.get("DesiredServerlessConfig") or variant.get(
                "CurrentServerlessConfig"
            )
            if serverless:
                concurrency += serverless["MaxConcurrency"]
                continue
            name_of = variant["VariantName"]
            wanted = variant.get("DesiredInstanceCount", 0)
            variants[name_of] = wanted
            instances += _counted(variant, types.get(name_of, ""))
        for variant in _variants(described.get("PendingDeploymentSummary", {})):
            instances += _counted(variant, variant.get("InstanceType", ""))
        return LiveEndpoint(
            status=status, instances=instances, variants=variants, concurrency=concurrency
        )

    def _types(self, config: str | None) -> dict[str, str]:
        """The types of a config's variants; none where somebody deleted the config."""
        found = (
            None
            if config is None
            else self._found(
                "describe_endpoint_config",
                "sagemaker:DescribeEndpointConfig",
                EndpointConfigName=config,
            )
        )
        return {
            each["VariantName"]: each.get("InstanceType", "") for each in _variants(found or {})
        }


@contextmanager
def asking(action: str, what: str) -> Iterator[None]:
    """Turns a missing permission within the block into something that is not known.

    Args:
        action: the permission that is needed.
        what: what is looked up, for the message.

    Raises:
        NotKnownError: the permission is missing.
        CommandError: AWS is out of reach, or refuses for another reason.
    """
    try:
        with aws_errors(what):
            yield
    except AccessDeniedError as error:
        named = _PERFORM.search(error.told)
        needed = action if named is None else named[1]
        raise NotKnownError(f"needs the permission {needed}") from None


def _variants(described: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        *described.get("ProductionVariants", ()),
        *described.get("ShadowProductionVariants", ()),
    ]


def _counted(variant: Mapping[str, Any], instance_type: str) -> Counter[str]:
    """The instances of a variant: those that it has, or is to have."""
    pools = variant.get("InstancePools", ())
    found = Counter({pool["InstanceType"]: pool["CurrentInstanceCount"] for pool in pools})
    if not found:
        found[instance_type] = max(
            variant.get("CurrentInstanceCount", 0), variant.get("DesiredInstanceCount", 0)
        )
    return found
