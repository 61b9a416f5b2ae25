"""Takes an endpoint back to a config that it had before, without a deployment of the stack."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inference_constructs.functions.deployment_history.record import Record
from inference_ops.aws import aws_errors
from inference_ops.console import Console
from inference_ops.deployments import NOTHING_RETAINED, Deployment, Deployments
from inference_ops.errors import CommandError
from inference_ops.guardrails import Guardrails

if TYPE_CHECKING:
    import boto3

_VARIANT_PROPERTIES = ("DesiredInstanceCount", "DesiredWeight")
_OTHERWISE = (
    "Deploy the earlier revision again with `cdk deploy -a ITS_CLOUD_ASSEMBLY`, or name another "
    "config with --to"
)
_AT_REST = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")
_ALL_AT_ONCE = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    }
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to go back.

    Attributes:
        to: the config to go to; None is the one that was live most recently.
        all_at_once: whether everything moves at once, without a bake and without alarms.
        dry_run: whether it is only looked whether it would work.
        poll_seconds: how often the endpoint is looked at.
    """

    to: str | None = None
    all_at_once: bool = False
    dry_run: bool = False
    poll_seconds: float = 2.0


class Rollback:
    """One way back.

    Args:
        session: where the endpoint is.
        endpoint_name: the endpoint.
        console: where progress is told.
    """

    def __init__(self, session: "boto3.Session", endpoint_name: str, console: Console) -> None:
        self._session = session
        self._deployments = Deployments(session, endpoint_name)
        self._endpoint_name = endpoint_name
        self._console = console
        self._notes: list[str] = []

    def run(self, options: Options) -> dict[str, Any]:
        """Checks what is to be gone back to, and goes there.

        Args:
            options: how.

        Returns:
            What was done, and how the endpoint differs from its stack now.

        Raises:
            CommandError: there is nothing to go back to, something that it needs is gone, or the
                update failed.
        """
        endpoint, record = self._deployments.endpoint(), self._deployments.record()
        live = endpoint["EndpointConfigName"]
        if endpoint["EndpointStatus"] not in _AT_REST:
            raise CommandError(
                f"endpoint {self._endpoint_name} is {endpoint['EndpointStatus']}: wait for its end"
            )
        target = self._describe(self._choose(record, live, options.to), live, record)
        now = self._describe(live, live, record)
        faults = [*self._gone(target), *self._scaled_faults(now, target)]
        if faults:
            raise CommandError(
                f"{target.config} cannot be gone back to: {'; '.join(faults)}. {_OTHERWISE}"
            )
        retained = self._retained(record)
        if not options.dry_run:
            self._update(endpoint, record, target.config, retained, options)
        return self._told(live, target, record, retained, options)

    def _choose(self, record: Record | None, live: str, to: str | None) -> str:
        if to is not None:
            if to == live:
                raise CommandError(f"endpoint {self._endpoint_name} serves {to} already")
            if not self._deployments.exists(to):
                known = ", ".join(record.previous) if record is not None else ""
                raise CommandError(
                    f"endpoint config {to} does not exist: retained of endpoint "
                    f"{self._endpoint_name} is {known or 'nothing'}"
                )
            return to
        if record is None or not record.previous:
            raise CommandError(
                f"nothing is retained of endpoint {self._endpoint_name}: {NOTHING_RETAINED}"
            )
        last = self._deployments.last(live)
        if last is not None and last not in record.previous:
            # Going further back than was meant would be no help to who does not know.
            raise CommandError(
                f"{last}, which was live before, is gone. {_OTHERWISE}, such as "
                f"{record.previous[0]}"
            )
        return record.previous[0]

    def _describe(self, config: str, live: str, record: Record | None) -> Deployment:
        return self._deployments.describe(config, live=live, record=record)

    def _gone(self, target: Deployment) -> Iterator[str]:
        """What the config needs that is gone."""
        for missing in target.missing:
            yield f"{missing} is gone"
        for name in dict.fromkeys(variant.model for variant in target.variants):
            model = None if name is None else self._deployments.model(name)
            if model is None:
                continue
            role = model["ExecutionRoleArn"].rpartition("/")[2]
            if not self._exists("iam", "get_role", f"role {role}", RoleName=role):
                yield f"the role {role} of model {name} is gone"
            for url in _objects(model):
                bucket, _, key = url.removeprefix("s3://").partition("/")
                if not self._exists("s3", "head_object", url, Bucket=bucket, Key=key):
                    yield f"{url} of model {name} is gone"

    def _exists(self, service: str, operation: str, what: str, **parameters: str) -> bool:
        from botocore.exceptions import ClientError

        client = self._session.client(service)
        try:
            getattr(client, operation)(**parameters)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in {"404", "NoSuchEntity", "NoSuchKey", "NoSuchBucket", "NotFound"}:
                return False
            # Who may update an endpoint need not be allowed to look at what it needs.
            self._note(f"whether {what} is still there could not be looked up ({code})")
        return True

    def _scaled_faults(self, now: Deployment, target: Deployment) -> Iterator[str]:
        """What SageMaker refuses while Application Auto Scaling has a variant registered.

        https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-update.html
        """
        wanted = {variant.name: variant.instance_type for variant in target.variants}
        scaled = self._scaled()
        for variant in now.variants:
            if variant.name in scaled and wanted.get(variant.name) != variant.instance_type:
                yield (
                    f"variant {variant.name} is scaled and would change from "
                    f"{variant.instance_type} to {wanted.get(variant.name, 'nothing')}, which "
                    "SageMaker refuses"
                )

    def _scaled(self) -> set[str]:
        prefix = f"endpoint/{self._endpoint_name}/variant/"
        pages = self._session.client("application-autoscaling").get_paginator(
            "describe_scalable_targets"
        )
        with aws_errors("the scalable targets"):
            found = pages.paginate(ServiceNamespace="sagemaker").build_full_result()
        ids = (target["ResourceId"] for target in found["ScalableTargets"])
        return {one.removeprefix(prefix) for one in ids if one.startswith(prefix)}

    def _retained(self, record: Record | None) -> list[str]:
        """What an update keeps of the variants: as the template has it, or else as is safe."""
        if record is not None:
            return list(record.retained_properties)
        return ["DesiredInstanceCount"] if self._scaled() else []

    def _update(
        self,
        endpoint: Mapping[str, Any],
        record: Record | None,
        target: str,
        retained: list[str],
        options: Options,
    ) -> None:
        sagemaker, live = self._deployments.sagemaker, endpoint["EndpointConfigName"]
        request: dict[str, Any] = {
            "EndpointName": self._endpoint_name,
            "EndpointConfigName": target,
        }
        if retained:
            excluded = [name for name in _VARIANT_PROPERTIES if name not in retained]
            request["RetainAllVariantProperties"] = True
            request["ExcludeRetainedVariantProperties"] = [
                {"VariantPropertyType": name} for name in excluded
            ]
        last = endpoint.get("LastDeploymentConfig")
        guardrails = Guardrails(self._session.client("cloudwatch"), self._note)
        with ExitStack() as stack:
            if options.all_at_once:
                request["DeploymentConfig"] = _ALL_AT_ONCE
            elif last:
                with aws_errors("the rollback alarms"):
                    request["DeploymentConfig"] = stack.enter_context(
                        guardrails.for_config(
                            last,
                            live=live,
                            deployed=live if record is None else record.deployed.config,
                            target=target,
                        )
                    )
            with aws_errors(f"the update of endpoint {self._endpoint_name}"):
                sagemaker.update_endpoint(**request)
            try:
                self._wait(target, options.poll_seconds)
            except KeyboardInterrupt:
                alarms = f"; when it has ended, delete {guardrails.made}" if guardrails.made else ""
                self._console.progress(f"SageMaker goes on with the update{alarms}")
                raise
        if record is not None:
            with aws_errors(f"the tags of endpoint {self._endpoint_name}"):
                self._deployments.history.write(record.moved_to(target))

    def _wait(self, target: str, poll_seconds: float) -> None:
        status = None
        while True:
            found = self._deployments.endpoint()
            if found["EndpointStatus"] != status:
                status = found["EndpointStatus"]
                self._console.progress(f"endpoint {self._endpoint_name} is {status}")
            if status in _AT_REST:
                break
            time.sleep(poll_seconds)
        if status != "InService" or found["EndpointConfigName"] != target:
            raise CommandError(
                f"endpoint {self._endpoint_name} is {status} with {found['EndpointConfigName']}: "
                f"{found.get('FailureReason', 'SageMaker took the update back')}"
            )

    def _note(self, text: str) -> None:
        self._notes.append(text)
        self._console.progress(text)

    def _told(
        self,
        live: str,
        target: Deployment,
        record: Record | None,
        retained: list[str],
        options: Options,
    ) -> dict[str, Any]:
        drift = []
        if record is not None and record.deployed.config != target.config:
            of_stack = self._describe(record.deployed.config, live, record)
            drift = _drift(of_stack, target)
        return {
            "endpoint": self._endpoint_name,
            "from": live,
            "to": target.config,
            "done": not options.dry_run,
            "variants": [str(variant) for variant in target.variants],
            "retained_properties": retained,
            "stack_config": None if record is None else record.deployed.config,
            "drift": drift,
            "notes": self._notes,
        }


def _objects(model: Mapping[str, Any]) -> Iterator[str]:
    """What a model's containers read from S3."""
    containers = model.get("Containers") or [model.get("PrimaryContainer", {})]
    for container in containers:
        source = container.get("ModelDataSource", {}).get("S3DataSource", {})
        if "ModelDataUrl" in container:
            yield container["ModelDataUrl"]
        elif source.get("S3DataType") == "S3Object":
            yield source["S3Uri"]
        code = container.get("Environment", {}).get("SAGEMAKER_SUBMIT_DIRECTORY", "")
        if code.startswith("s3://"):
            yield code


def _drift(of_stack: Deployment, of_endpoint: Deployment) -> list[dict[str, Any]]:
    """Where the endpoint's variants differ from what the stack deployed."""
    compared = ("model", "model_version", "instance_type", "instances", "weight", "shadow")
    stack, endpoint = (
        {variant.name: variant for variant in deployment.variants}
        for deployment in (of_stack, of_endpoint)
    )
    return [
        {
            "variant": name,
            "property": member,
            "stack": getattr(stack.get(name), member, None),
            "endpoint": getattr(endpoint.get(name), member, None),
        }
        for name in sorted(stack | endpoint)
        for member in compared
        if getattr(stack.get(name), member, None) != getattr(endpoint.get(name), member, None)
    ]
