"""Finds what an endpoint left, or would leave, in the account, and takes it away."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from inference_ops.aws import aws_errors
from inference_ops.errors import CommandError
from inference_ops.operation.endpoint import LiveEndpoint, alarms_on
from inference_ops.operation.stack import OwningStack

if TYPE_CHECKING:
    import boto3

GONE_SECONDS = 900
CAPTURED = "captured data"


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """Something that costs money, or is in the way of the next endpoint of this name.

    Attributes:
        kind: what it is.
        name: its name.
        delete: deletes it.
    """

    kind: str
    name: str
    delete: Callable[[], object]

    def to_json(self) -> dict[str, str]:
        """Kind and name."""
        return {"kind": self.kind, "name": self.name}


class Cleanup:
    """Cleans up after one endpoint: what a notebook made and forgot, or a stack retained.

    Only what is certainly the endpoint's own is found: its config where no other endpoint serves
    it, its models where no other config names them, what Application Auto Scaling has registered
    under its name, alarms on its metrics, its log groups, and data that it captured.

    Args:
        session: where the endpoint is or was.
        endpoint_name: its name.
        configs: configs that it served, where it is gone and nothing tells them any more.
        data: whether captured data count: they cannot be made again.
    """

    def __init__(
        self,
        session: "boto3.Session",
        endpoint_name: str,
        *,
        configs: tuple[str, ...] = (),
        data: bool = False,
    ) -> None:
        self._session = session
        self._name = endpoint_name
        self._sagemaker = session.client("sagemaker")
        self._data = data
        self._endpoint = self._existing()
        self._configs = tuple(dict.fromkeys([*configs, *self._served()]))
        self._documents = {name: self._config(name) for name in self._configs}
        self._models = self._own_models()
        self._components = [] if self._endpoint is None else list(self._endpoint.components)

    def refuse_deployed(self) -> None:
        """Refuses an endpoint that a stack owns.

        Raises:
            CommandError: a stack does.
        """
        if self._endpoint is None:
            return
        stack = OwningStack.of(self._session, self._endpoint.described["EndpointArn"])
        if stack is not None:
            raise CommandError(
                f"endpoint {self._name} belongs to stack {stack.name}: run `cdk destroy "
                f"{stack.name}`, which knows all that belongs to it, and then look again"
            )

    def find(self) -> list[Leftover]:
        """What there is, in the order in which it can be deleted."""
        return [
            *self._scaling(),
            *self._hosting(),
            *self._alarms(),
            *self._log_groups(),
            *(self._captured() if self._data else ()),
        ]

    def delete(self, leftovers: list[Leftover], tell: Callable[[str], None]) -> None:
        """Deletes all of it.

        Args:
            leftovers: what `find` found.
            tell: is told of each.

        Raises:
            CommandError: AWS refuses, or the endpoint does not go.
        """
        for leftover in leftovers:
            tell(f"deleting {leftover.kind} {leftover.name}")
            with aws_errors(f"{leftover.kind} {leftover.name}"):
                leftover.delete()

    # ------------------------------------------------------------------ what belongs to it

    def _existing(self) -> LiveEndpoint | None:
        there = self._exists("describe_endpoint", EndpointName=self._name)
        return LiveEndpoint(self._session, self._name) if there else None

    def _served(self) -> list[str]:
        if self._endpoint is None or self._endpoint.config_name is None:
            return []
        return [self._endpoint.config_name]

    def _config(self, name: str) -> dict[str, Any] | None:
        """What DescribeEndpointConfig says; None if it is gone or another endpoint serves it."""
        if name in self._served_by_others:
            return None
        if not self._exists("describe_endpoint_config", EndpointConfigName=name):
            return None
        with aws_errors(f"endpoint config {name}"):
            found: dict[str, Any] = self._sagemaker.describe_endpoint_config(
                EndpointConfigName=name
            )
        return found

    @cached_property
    def _served_by_others(self) -> set[str]:
        pages = self._sagemaker.get_paginator("list_endpoints")
        with aws_errors("the endpoints"):
            names = [
                each["EndpointName"]
                for page in pages.paginate()
                for each in page["Endpoints"]
                if each["EndpointName"] != self._name
            ]
            described = [self._sagemaker.describe_endpoint(EndpointName=name) for name in names]
        return {each["EndpointConfigName"] for each in described if "EndpointConfigName" in each}

    def _own_models(self) -> list[str]:
        """Models of the configs that no other config names."""
        named = {
            name
            for document in self._documents.values()
            if document is not None
            for name in models_of(document)
        }
        if not named:
            return []
        pages = self._sagemaker.get_paginator("list_endpoint_configs")
        with aws_errors("the endpoint configs"):
            others = [
                each["EndpointConfigName"]
                for page in pages.paginate()
                for each in page["EndpointConfigs"]
                if self._documents.get(each["EndpointConfigName"]) is None
            ]
            for other in others:
                document = self._sagemaker.describe_endpoint_config(EndpointConfigName=other)
                named -= set(models_of(document))
        return sorted(named)

    # ------------------------------------------------------------------ what is still there

    def _scaling(self) -> Iterator[Leftover]:
        api = self._session.client("application-autoscaling")
        prefixes = (
            f"endpoint/{self._name}/variant/",
            *(f"inference-component/{name}" for name in self._components),
        )
        with aws_errors("the scalable targets"):
            pages = api.get_paginator("describe_scalable_targets")
            found = pages.paginate(ServiceNamespace="sagemaker").build_full_result()
        for target in found["ScalableTargets"]:
            if target["ResourceId"].startswith(prefixes):
                yield Leftover(
                    kind="scalable target",
                    name=target["ResourceId"],
                    delete=partial(
                        api.deregister_scalable_target,
                        ServiceNamespace="sagemaker",
                        ResourceId=target["ResourceId"],
                        ScalableDimension=target["ScalableDimension"],
                    ),
                )

    def _hosting(self) -> Iterator[Leftover]:
        api = self._sagemaker
        for name in self._components:
            if self._exists("describe_inference_component", InferenceComponentName=name):
                yield Leftover(
                    kind="inference component",
                    name=name,
                    delete=partial(self._delete_component, name),
                )
        if self._exists("describe_endpoint", EndpointName=self._name):
            yield Leftover(kind="endpoint", name=self._name, delete=self._delete_endpoint)
        for name, document in self._documents.items():
            if document is not None and self._exists(
                "describe_endpoint_config", EndpointConfigName=name
            ):
                delete = partial(api.delete_endpoint_config, EndpointConfigName=name)
                yield Leftover(kind="endpoint config", name=name, delete=delete)
        for name in self._models:
            if self._exists("describe_model", ModelName=name):
                delete = partial(api.delete_model, ModelName=name)
                yield Leftover(kind="model", name=name, delete=delete)

    def _alarms(self) -> Iterator[Leftover]:
        api = self._session.client("cloudwatch")
        for alarm in alarms_on(self._session, {self._name, *self._components}):
            name = alarm["AlarmName"]
            yield Leftover(
                kind="alarm", name=name, delete=partial(api.delete_alarms, AlarmNames=[name])
            )

    def _log_groups(self) -> Iterator[Leftover]:
        api = self._session.client("logs")
        wanted = [
            f"/aws/sagemaker/Endpoints/{self._name}",
            *(f"/aws/sagemaker/InferenceComponents/{name}" for name in self._components),
        ]
        for group in wanted:
            with aws_errors(f"log group {group}"):
                found = api.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
            if any(each["logGroupName"] == group for each in found):
                yield Leftover(
                    kind="log group",
                    name=group,
                    delete=partial(api.delete_log_group, logGroupName=group),
                )

    def _captured(self) -> Iterator[Leftover]:
        """Data that were captured below the endpoint's own prefix."""
        api = self._session.client("s3")
        places = {
            document["DataCaptureConfig"]["DestinationS3Uri"].rstrip("/")
            for document in self._documents.values()
            if document is not None and "DataCaptureConfig" in document
        }
        for place in sorted(places):
            bucket, _, prefix = f"{place}/{self._name}/".removeprefix("s3://").partition("/")
            with aws_errors(f"s3://{bucket}/{prefix}"):
                found = api.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
            if found["KeyCount"]:
                yield Leftover(
                    kind=CAPTURED,
                    name=f"s3://{bucket}/{prefix}",
                    delete=partial(empty_bucket, api, bucket, prefix),
                )

    # ------------------------------------------------------------------ how it goes

    def _exists(self, operation: str, **name: str) -> bool:
        what = next(iter(name.values()))
        try:
            with aws_errors(what):
                getattr(self._sagemaker, operation)(**name)
        except CommandError as error:
            if "does not exist" in str(error):
                return False
            raise
        return True

    def _delete_endpoint(self) -> None:
        self._sagemaker.delete_endpoint(EndpointName=self._name)
        self._until_gone("describe_endpoint", EndpointName=self._name)

    def _delete_component(self, name: str) -> None:
        self._sagemaker.delete_inference_component(InferenceComponentName=name)
        self._until_gone("describe_inference_component", InferenceComponentName=name)

    def _until_gone(self, operation: str, **name: str) -> None:
        deadline = time.monotonic() + GONE_SECONDS
        while self._exists(operation, **name):
            if time.monotonic() > deadline:
                what = next(iter(name.values()))
                raise CommandError(f"{what} is still there after {GONE_SECONDS} s")
            time.sleep(1)


def models_of(config: dict[str, Any]) -> list[str]:
    """The models that a config names.

    Args:
        config: what DescribeEndpointConfig says.
    """
    variants = [
        *config.get("ProductionVariants", ()),
        *config.get("ShadowProductionVariants", ()),
    ]
    return [variant["ModelName"] for variant in variants if "ModelName" in variant]


def empty_bucket(s3: Any, bucket: str, prefix: str = "") -> None:
    """Deletes all objects below a prefix, with every version.

    Args:
        s3: a client.
        bucket: the bucket.
        prefix: where; everywhere without one.
    """
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        objects = [
            {"Key": each["Key"], "VersionId": each["VersionId"]}
            for kind in ("Versions", "DeleteMarkers")
            for each in page.get(kind, ())
        ]
        if objects:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
