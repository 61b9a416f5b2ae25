"""``AWS::SageMaker::*``. `Ref` is the ARN of each of these; the name is an attribute."""

from __future__ import annotations

import time
from typing import Any

from local_aws.cloudformation.provider import (
    Context,
    Created,
    Properties,
    Provider,
    ResourceError,
)
from local_aws.cloudformation.providers._api import (
    as_list,
    changed,
    client,
    gone_is_fine,
    name_of,
    parameters,
    retag,
    tag_list,
)

NAME_LENGTH = 63
POLL_SECONDS = 0.1
# What CloudFormation waits for an endpoint at most; never less than real processes need to start.
ENDPOINT_SECONDS = 3 * 3600
LEAST_ENDPOINT_SECONDS = 600
GONE = ("ValidationException", "ResourceNotFound")
SAYING_GONE = "could not find|does not exist"
SETTLED = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")


def _name(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


def _retag(context: Context, arn: str, old: Properties, new: Properties) -> None:
    api = client(context, "sagemaker")
    retag(
        context,
        old,
        new,
        put=lambda values: api.add_tags(ResourceArn=arn, Tags=as_list(values)),
        remove=lambda keys: api.delete_tags(ResourceArn=arn, TagKeys=keys),
    )


class Model(Provider):
    """A model; everything but its tags needs a replacement."""

    type_names = ("AWS::SageMaker::Model",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the model."""
        api = client(context, "sagemaker")
        name = name_of(context, properties, "ModelName", max_length=NAME_LENGTH)
        given = parameters(api, "create_model", properties, without=["ModelName", "Tags"])
        answer = api.create_model(ModelName=name, Tags=tag_list(context, properties), **given)
        return _model(answer["ModelArn"])

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the tags."""
        _retag(context, physical_id, old, new)
        return _model(physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the model."""
        del properties
        with gone_is_fine(*GONE, saying=SAYING_GONE):
            client(context, "sagemaker").delete_model(ModelName=_name(physical_id))


def _model(arn: str) -> Created:
    return Created(physical_id=arn, attributes={"ModelName": _name(arn), "ModelArn": arn})


class EndpointConfig(Provider):
    """An endpoint configuration; everything but its tags needs a replacement."""

    type_names = ("AWS::SageMaker::EndpointConfig",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the configuration."""
        api = client(context, "sagemaker")
        name = name_of(context, properties, "EndpointConfigName", max_length=NAME_LENGTH)
        answer = api.create_endpoint_config(
            EndpointConfigName=name,
            Tags=tag_list(context, properties),
            **parameters(
                api, "create_endpoint_config", properties, without=["EndpointConfigName", "Tags"]
            ),
        )
        return _endpoint_config(answer["EndpointConfigArn"])

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the tags."""
        _retag(context, physical_id, old, new)
        return _endpoint_config(physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the configuration."""
        del properties
        with gone_is_fine(*GONE, saying=SAYING_GONE):
            client(context, "sagemaker").delete_endpoint_config(
                EndpointConfigName=_name(physical_id)
            )


def _endpoint_config(arn: str) -> Created:
    return Created(
        physical_id=arn, attributes={"EndpointConfigName": _name(arn), "EndpointConfigArn": arn}
    )


class Endpoint(Provider):
    """An endpoint; a new configuration is deployed in place."""

    type_names = ("AWS::SageMaker::Endpoint",)
    # These say how an update goes: they are no state of the endpoint.
    _update_only = (
        "RetainAllVariantProperties",
        "ExcludeRetainedVariantProperties",
        "RetainDeploymentConfig",
    )

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the endpoint and wait until it serves."""
        api = client(context, "sagemaker")
        name = name_of(context, properties, "EndpointName", max_length=NAME_LENGTH)
        arn = api.create_endpoint(
            EndpointName=name,
            Tags=tag_list(context, properties),
            **parameters(
                api,
                "create_endpoint",
                properties,
                without=["EndpointName", "Tags", *self._update_only],
            ),
        )["EndpointArn"]
        self._wait(context, name, arn)
        return _endpoint(arn)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Deploy another configuration; a rollback by the service is a failure, or silent."""
        api = client(context, "sagemaker")
        name = _name(physical_id)
        _retag(context, physical_id, old, new)
        wanted = new["EndpointConfigName"]
        # After a deployment that SageMaker itself rolled back, the stack's rollback finds the old
        # configuration in service, which UpdateEndpoint does not take again.
        in_service = api.describe_endpoint(EndpointName=name)["EndpointConfigName"] == wanted
        if changed(old, new, "EndpointConfigName") and not in_service:
            api.update_endpoint(
                EndpointName=name,
                **parameters(api, "update_endpoint", new, without=["EndpointName", "Tags"]),
            )
            self._wait(context, name, physical_id, wanted=wanted)
        return _endpoint(physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the endpoint and wait until it is gone."""
        del properties
        api = client(context, "sagemaker")
        name = _name(physical_id)
        with gone_is_fine(*GONE, saying=SAYING_GONE):
            api.delete_endpoint(EndpointName=name)
            while True:
                api.describe_endpoint(EndpointName=name)
                time.sleep(POLL_SECONDS)

    def _wait(self, context: Context, name: str, arn: str, *, wanted: str | None = None) -> None:
        api = client(context, "sagemaker")
        seconds = max(ENDPOINT_SECONDS / context.cloud.speed, LEAST_ENDPOINT_SECONDS)
        deadline = time.monotonic() + seconds
        while True:
            found: dict[str, Any] = api.describe_endpoint(EndpointName=name)
            status = found["EndpointStatus"]
            if status in SETTLED:
                break
            if time.monotonic() > deadline:
                raise ResourceError(f"Endpoint {name} did not stabilize.", physical_id=arn)
            time.sleep(POLL_SECONDS)
        rolled_back = wanted is not None and found["EndpointConfigName"] != wanted
        rolled_back = rolled_back and not context.cloud.silent_rollbacks
        if status != "InService" or rolled_back:
            reason = found.get("FailureReason") or f"Endpoint {name} is {status}."
            raise ResourceError(reason, physical_id=arn)


def _endpoint(arn: str) -> Created:
    return Created(physical_id=arn, attributes={"EndpointName": _name(arn), "EndpointArn": arn})


class ModelPackageGroup(Provider):
    """A group of versioned model packages."""

    type_names = ("AWS::SageMaker::ModelPackageGroup",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the group."""
        api = client(context, "sagemaker")
        given = parameters(
            api,
            "create_model_package_group",
            properties,
            without=["Tags", "ModelPackageGroupPolicy"],
        )
        api.create_model_package_group(Tags=tag_list(context, properties), **given)
        self._put_policy(context, properties)
        return self._described(context, properties)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change tags and policy."""
        _retag(context, physical_id, old, new)
        if changed(old, new, "ModelPackageGroupPolicy"):
            self._put_policy(context, new)
        return self._described(context, new)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the group; the service refuses while it holds packages."""
        del properties
        with gone_is_fine(*GONE, saying=SAYING_GONE):
            client(context, "sagemaker").delete_model_package_group(
                ModelPackageGroupName=_name(physical_id)
            )

    def _put_policy(self, context: Context, properties: Properties) -> None:
        name = properties["ModelPackageGroupName"]
        api = client(context, "sagemaker")
        if properties.get("ModelPackageGroupPolicy"):
            given = parameters(
                api,
                "put_model_package_group_policy",
                {"ResourcePolicy": properties["ModelPackageGroupPolicy"]},
            )
            api.put_model_package_group_policy(ModelPackageGroupName=name, **given)

    def _described(self, context: Context, properties: Properties) -> Created:
        name = properties["ModelPackageGroupName"]
        found = client(context, "sagemaker").describe_model_package_group(
            ModelPackageGroupName=name
        )
        return Created(
            physical_id=found["ModelPackageGroupArn"],
            attributes={
                "ModelPackageGroupArn": found["ModelPackageGroupArn"],
                "ModelPackageGroupStatus": found["ModelPackageGroupStatus"],
                "CreationTime": found["CreationTime"].isoformat(),
            },
        )
