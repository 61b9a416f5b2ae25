"""What an endpoint can go back to: the deployments that are retained of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from inference_constructs.functions.deployment_history.history import History
from inference_constructs.functions.deployment_history.record import Record
from inference_ops.aws import aws_errors
from inference_ops.errors import CommandError

if TYPE_CHECKING:
    import boto3

NOTHING_RETAINED = (
    "deploy the earlier revision again with `cdk deploy -a ITS_CLOUD_ASSEMBLY`, and set "
    "endpoint.keep_previous to retain deployments from now on"
)
_VERSION = "INFERENCE_MODEL_VERSION"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A variant as an endpoint config has it.

    Attributes:
        name: its name.
        model: the name of its Model; None for a fleet of inference components.
        model_version: the version in the Model's environment, if it is there.
        instance_type: the type; None for a serverless variant.
        instances: of a new fleet.
        weight: its share of the traffic.
        shadow: whether it gets copies of requests only.
    """

    name: str
    model: str | None
    model_version: str | None
    instance_type: str | None
    instances: int | None
    weight: float | None
    shadow: bool

    def __str__(self) -> str:
        parts = [self.model_version or self.model or "inference components"]
        size = self.instance_type or "serverless"
        parts.append(size if self.instances is None else f"{self.instances} x {size}")
        if self.weight is not None:
            parts.append(f"weight {self.weight:g}")
        if self.shadow:
            parts.append("shadow")
        return f"{self.name}: {', '.join(parts)}"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A config that the endpoint serves or served.

    Attributes:
        config: its name.
        created: when it was made.
        variants: its variants.
        live: whether the endpoint serves it now.
        deployed: whether it is the one that the stack deployed last.
        missing: what it names that does not exist any more.
    """

    config: str
    created: datetime
    variants: tuple[Variant, ...]
    live: bool
    deployed: bool
    missing: tuple[str, ...]

    @property
    def state(self) -> str:
        """What it is to the endpoint, in one word or two."""
        if self.live:
            return "live"
        return "the stack's" if self.deployed else "previous"

    def to_json(self) -> dict[str, Any]:
        """The deployment as one JSON object."""
        return asdict(self) | {
            "created": self.created.isoformat(),
            "variants": [asdict(variant) for variant in self.variants],
        }


class Deployments:
    """The deployments of one endpoint.

    Args:
        session: where the endpoint is.
        endpoint_name: the endpoint.
    """

    def __init__(self, session: "boto3.Session", endpoint_name: str) -> None:
        self.sagemaker = session.client("sagemaker")
        self.endpoint_name = endpoint_name
        self.history = History(self.sagemaker, endpoint_name)

    def endpoint(self) -> dict[str, Any]:
        """What DescribeEndpoint says.

        Raises:
            CommandError: there is no such endpoint.
        """
        what = f"endpoint {self.endpoint_name}"
        with aws_errors(what):
            found = self.history.endpoint()
        if found is None:
            raise CommandError(f"{what} does not exist in this account and region")
        return found

    def record(self) -> Record | None:
        """What the endpoint's tags tell; None if its stack keeps no history."""
        with aws_errors(f"the tags of endpoint {self.endpoint_name}"):
            return self.history.read()

    def all(self) -> list[Deployment]:
        """The live deployment, and the previous ones, the most recent first."""
        live, record = self.endpoint()["EndpointConfigName"], self.record()
        previous = () if record is None else record.previous
        return [self.describe(config, live=live, record=record) for config in (live, *previous)]

    def describe(self, config: str, *, live: str, record: Record | None) -> Deployment:
        """What one config holds.

        Args:
            config: its name.
            live: the live config.
            record: the endpoint's record.
        """
        found = self._config(config)
        models = {name: self.model(name) for name in self.history.models_of(config)}
        return Deployment(
            config=config,
            created=found["CreationTime"],
            variants=tuple(_variants(found, models)),
            live=config == live,
            deployed=record is not None and config == record.deployed.config,
            missing=tuple(f"model {name}" for name, model in models.items() if model is None),
        )

    def model(self, name: str) -> dict[str, Any] | None:
        """What DescribeModel says; None if the model is gone."""
        return _found(f"model {name}", self.sagemaker.describe_model, ModelName=name)

    def exists(self, config: str) -> bool:
        """Whether a config is still there."""
        describe = self.sagemaker.describe_endpoint_config
        return _found(f"endpoint config {config}", describe, EndpointConfigName=config) is not None

    def last(self, live: str) -> str | None:
        """The config that was live before, whether or not it still exists.

        Args:
            live: the live config.

        Returns:
            Its name; None if the tags do not tell, or tell of another live config: an update may
            have gone by them, or not come about.
        """
        with aws_errors(f"the tags of endpoint {self.endpoint_name}"):
            pages = self.sagemaker.get_paginator("list_tags").paginate(
                ResourceArn=self.endpoint()["EndpointArn"]
            )
            tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
        told = Record.from_tags(tags)
        return None if told is None or told.live != live else next(iter(told.previous), None)

    def prune(self, keep: int | None, *, delete: bool) -> list[str]:
        """Deletes what is retained beyond a number, with its models.

        Args:
            keep: how many previous deployments stay; None is what the stack says.
            delete: whether it is done, or only told.

        Returns:
            The configs.

        Raises:
            CommandError: the endpoint has no record.
        """
        self.endpoint()
        record = self.record()
        if record is None:
            raise CommandError(
                f"endpoint {self.endpoint_name} has no record of its deployments: there is nothing "
                "to prune"
            )
        gone = record.beyond if keep is None else record.beyond_keep(keep)
        if delete and gone:
            left = record.without(gone)
            with aws_errors(f"pruning endpoint {self.endpoint_name}"):
                self.history.delete(
                    gone, kept=[record.live, record.deployed.config, *left.previous]
                )
                self.history.write(left)
        return list(gone)

    def _config(self, name: str) -> dict[str, Any]:
        with aws_errors(f"endpoint config {name}"):
            found: dict[str, Any] = self.sagemaker.describe_endpoint_config(EndpointConfigName=name)
        return found


def _found(
    what: str, describe: Callable[..., dict[str, Any]], **named: str
) -> dict[str, Any] | None:
    try:
        with aws_errors(what):
            return describe(**named)
    except CommandError as error:
        if "does not exist" in str(error):
            return None
        raise


def _variants(
    config: Mapping[str, Any], models: Mapping[str, dict[str, Any] | None]
) -> Iterator[Variant]:
    for kind in ("ProductionVariants", "ShadowProductionVariants"):
        for given in config.get(kind) or ():
            model = models.get(given.get("ModelName", "")) or {}
            environment = model.get("PrimaryContainer", {}).get("Environment", {})
            yield Variant(
                name=given["VariantName"],
                model=given.get("ModelName"),
                model_version=environment.get(_VERSION),
                instance_type=given.get("InstanceType"),
                instances=given.get("InitialInstanceCount"),
                weight=given.get("InitialVariantWeight"),
                shadow=kind.startswith("Shadow"),
            )
