"""``AWS::SageMaker::InferenceComponent``. `Ref` is the ARN, as of the other SageMaker types."""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import ClientError

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
# The schema's timeoutInMinutes; never less than real processes need to start.
SETTLE_SECONDS = 490 * 60
LEAST_SETTLE_SECONDS = 600
GONE = ("ValidationException", "ResourceNotFound")
SAYING_GONE = "could not find"
# The schema replaces for no property, and UpdateInferenceComponent takes none of these.
FIXED = ("EndpointName", "VariantName", "InferenceComponentName")


def _name(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


class InferenceComponent(Provider):
    """An inference component; everything but where it is changes in place."""

    type_names = ("AWS::SageMaker::InferenceComponent",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the component and wait until it serves."""
        api = client(context, "sagemaker")
        name = name_of(context, properties, "InferenceComponentName", max_length=NAME_LENGTH)
        # How an update goes is no state of the component.
        given = parameters(
            api,
            "create_inference_component",
            properties,
            without=["InferenceComponentName", "Tags", "DeploymentConfig"],
        )
        arn = api.create_inference_component(
            InferenceComponentName=name, Tags=tag_list(context, properties), **given
        )["InferenceComponentArn"]
        return _created(self._settled(context, name, arn))

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Let new copies take over, or change how many there are; a rollback is a failure."""
        api = client(context, "sagemaker")
        name = _name(physical_id)
        # Not with the old properties: a rollback finds those that were refused there.
        present = api.describe_inference_component(InferenceComponentName=name)
        if moved := [key for key in FIXED if new.get(key, present[key]) != present[key]]:
            raise ResourceError(
                f"{', '.join(moved)} of an inference component cannot be updated: give the "
                f"resource another logical id"
            )
        retag(
            context,
            old,
            new,
            put=lambda values: api.add_tags(ResourceArn=physical_id, Tags=as_list(values)),
            remove=lambda keys: api.delete_tags(ResourceArn=physical_id, TagKeys=keys),
        )
        # Copies that scaling has added stay, unless the template asks for another number.
        considered = ["Specification", "Specifications", "RuntimeConfig"]
        wanted = {key: new[key] for key in considered if changed(old, new, key) and key in new}
        if not wanted:
            return _created(present)
        if "DeploymentConfig" in new:
            wanted["DeploymentConfig"] = new["DeploymentConfig"]
        api.update_inference_component(
            InferenceComponentName=name, **parameters(api, "update_inference_component", wanted)
        )
        return _created(self._settled(context, name, physical_id))

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the component and wait until it is gone."""
        del properties
        api = client(context, "sagemaker")
        name = _name(physical_id)
        with gone_is_fine(*GONE, saying=SAYING_GONE):
            api.delete_inference_component(InferenceComponentName=name)
            while True:
                api.describe_inference_component(InferenceComponentName=name)
                time.sleep(POLL_SECONDS)

    def _settled(self, context: Context, name: str, arn: str) -> dict[str, Any]:
        """The component, once it rests."""
        api = client(context, "sagemaker")
        seconds = max(SETTLE_SECONDS / context.cloud.speed, LEAST_SETTLE_SECONDS)
        deadline = time.monotonic() + seconds
        while True:
            try:
                found: dict[str, Any] = api.describe_inference_component(
                    InferenceComponentName=name
                )
            except ClientError as error:
                raise ResourceError(error.response["Error"]["Message"]) from error
            if not found["InferenceComponentStatus"].endswith("ing"):
                break
            if time.monotonic() > deadline:
                message = f"Inference component {name} did not stabilize."
                raise ResourceError(message, physical_id=arn)
            time.sleep(POLL_SECONDS)
        if found["InferenceComponentStatus"] != "InService" or found.get("FailureReason"):
            status = found["InferenceComponentStatus"]
            reason = found.get("FailureReason") or f"Inference component {name} is {status}."
            raise ResourceError(reason, physical_id=arn)
        return found


def _created(found: dict[str, Any]) -> Created:
    attributes = {
        "InferenceComponentArn": found["InferenceComponentArn"],
        "InferenceComponentName": found["InferenceComponentName"],
        "InferenceComponentStatus": found["InferenceComponentStatus"],
        "CreationTime": found["CreationTime"].isoformat(),
        "LastModifiedTime": found["LastModifiedTime"].isoformat(),
        "RuntimeConfig.CurrentCopyCount": found["RuntimeConfig"]["CurrentCopyCount"],
        "RuntimeConfig.DesiredCopyCount": found["RuntimeConfig"]["DesiredCopyCount"],
    }
    return Created(physical_id=found["InferenceComponentArn"], attributes=attributes)
