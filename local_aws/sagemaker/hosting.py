"""Models, endpoint configs and endpoints of one account and region, and their operations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from local_aws.cloud import Cloud
from local_aws.sagemaker import artifacts, kinds, quota_checks, scaling, updates
from local_aws.sagemaker.asynchronous import AsyncQueue
from local_aws.sagemaker.components import Components
from local_aws.sagemaker.config_checks import check_config, repeated
from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.errors import ValidationException, existing, missing
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.records import EndpointConfigRecord, ModelRecord

Request = Mapping[str, Any]


class Hosting:
    """What SageMaker hosts."""

    def __init__(
        self,
        cloud: Cloud,
        *,
        account_id: str,
        region_name: str,
        partition: str,
        check_package: Callable[[str], object],
    ) -> None:
        """Start with nothing.

        Args:
            cloud: the AWS that this is a part of.
            account_id: the account.
            region_name: the region.
            partition: the region's partition.
            check_package: raises when there is no model package of this name.
        """
        self.cloud = cloud
        self.account_id = account_id
        self.region_name = region_name
        self.partition = partition
        self.models: dict[str, ModelRecord] = {}
        self.endpoint_configs: dict[str, EndpointConfigRecord] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.components = Components(self)
        # Of asynchronous endpoints, by the endpoint's name.
        self.queues: dict[str, AsyncQueue] = {}
        self._check_package = check_package
        # Held from the count of what is in use until what is added counts as well.
        self._counting = threading.Lock()

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a thing of this account and region."""
        return f"arn:{self.partition}:sagemaker:{self.region_name}:{self.account_id}:{kind}/{name}"

    # Models

    def create_model(self, request: Request) -> ModelRecord:
        """CreateModel: the role must be able to read the artifact now."""
        name = request["ModelName"]
        arn = self.arn("model", name)
        if name in self.models:
            raise existing("model", arn)
        containers = request.get("Containers") or []
        if request.get("PrimaryContainer"):
            containers = [request["PrimaryContainer"], *containers]
        if not containers:
            raise ValidationException("A primary container or a list of containers is required.")
        if not request.get("ExecutionRoleArn"):
            raise ValidationException("ExecutionRoleArn is required to create a model.")
        for container in containers:
            self._check_container(container, request["ExecutionRoleArn"])
        record = ModelRecord(
            model_name=name, arn=arn, request=request, tags=list(request.get("Tags") or [])
        )
        # One step, so that of two requests at once one is refused.
        if self.models.setdefault(name, record) is not record:
            raise existing("model", arn)
        return record

    def _check_container(self, container: Mapping[str, Any], role_arn: str) -> None:
        if container.get("ModelPackageName"):
            self._check_package(container["ModelPackageName"])
            return
        if not container.get("Image"):
            raise ValidationException("A container needs an Image or a ModelPackageName.")
        source = container.get("ModelDataSource", {}).get("S3DataSource", {})
        url = container.get("ModelDataUrl") or source.get("S3Uri")
        if url and not artifacts.check_access(self.cloud, role_arn, url):
            raise ValidationException(
                f'Could not access model data at {url}. Please ensure that the role "{role_arn}" '
                f"exists and that its trust relationship policy allows the action "
                f'"sts:AssumeRole" for the service principal "sagemaker.amazonaws.com". Also '
                f'ensure that the role has "s3:GetObject" permissions and that the object is '
                f"located in {self.region_name}. If your Model uses multiple models or "
                f'uncompressed models, please ensure that the role has "s3:ListBucket" permission.'
            )

    def model(self, model_name: str) -> ModelRecord:
        """The model of this name."""
        if model_name not in self.models:
            raise missing("model", self.arn("model", model_name))
        return self.models[model_name]

    def delete_model(self, model_name: str) -> None:
        """DeleteModel: endpoints that use it serve on, but cannot grow."""
        self.model(model_name)
        del self.models[model_name]

    # Endpoint configs

    def create_endpoint_config(self, request: Request) -> EndpointConfigRecord:
        """CreateEndpointConfig."""
        name = request["EndpointConfigName"]
        arn = self.arn("endpoint-config", name)
        if name in self.endpoint_configs:
            raise existing("endpoint configuration", arn)
        check_config(request, self.model)
        record = EndpointConfigRecord(
            endpoint_config_name=name,
            arn=arn,
            request=request,
            tags=list(request.get("Tags") or []),
        )
        self.endpoint_configs[name] = record
        return record

    def config(self, name: str) -> EndpointConfigRecord:
        """The endpoint config of this name."""
        if name not in self.endpoint_configs:
            raise missing("endpoint configuration", self.arn("endpoint-config", name))
        return self.endpoint_configs[name]

    def delete_endpoint_config(self, endpoint_config_name: str) -> None:
        """DeleteEndpointConfig: endpoints that use it serve on, but cannot be updated."""
        self.config(endpoint_config_name)
        del self.endpoint_configs[endpoint_config_name]

    # Endpoints

    def create_endpoint(self, request: Request) -> Endpoint:
        """CreateEndpoint: returns at once, the endpoint is Creating."""
        name = request["EndpointName"]
        arn = self.arn("endpoint", name)
        config = self._servable(request["EndpointConfigName"])
        fleet = self._fleet(name, config)
        updates.check_creation(request.get("DeploymentConfig"), fleet)
        with self._counting:
            if name in self.endpoints:
                raise existing("endpoint", arn)
            quota_checks.check_fleet(list(self.endpoints.values()), fleet)
            return self._begin(name, arn, request, fleet)

    def _begin(self, name: str, arn: str, request: Request, fleet: Fleet) -> Endpoint:
        endpoint = Endpoint(
            self.cloud,
            name=name,
            arn=arn,
            config=fleet.config,
            tags=list(request.get("Tags") or []),
            deployment_config=request.get("DeploymentConfig"),
        )
        self.endpoints[name] = endpoint
        self._queue(endpoint, fleet.config)
        endpoint.create(fleet)
        return endpoint

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint of this name."""
        if name not in self.endpoints:
            raise missing("endpoint", self.arn("endpoint", name))
        return self.endpoints[name]

    def update_endpoint(self, request: Request) -> Endpoint:
        """UpdateEndpoint: returns at once, the endpoint is Updating."""
        endpoint = self.endpoint(request["EndpointName"])
        config = self._servable(request["EndpointConfigName"])
        # AWS compares with the config in use, and fails when that has been deleted.
        self.config(endpoint.config.endpoint_config_name)
        updates.check_kind(endpoint.config, config)
        scaling.check_update(self.cloud, endpoint, config)
        names = [variant["VariantName"] for variant in config.variants]
        self.components.check_update(endpoint.endpoint_name, names)
        counts, weights = updates.retained(request, endpoint.fleet)
        fleet = self._fleet(endpoint.endpoint_name, config, counts=counts, weights=weights)
        deployment_config = request.get("DeploymentConfig")
        if deployment_config is None and request.get("RetainDeploymentConfig"):
            deployment_config = endpoint.deployment_config
        policy = updates.policy(deployment_config, endpoint.config, fleet)
        if policy.shifting == "ROLLING" and not config.variants[0].get("ModelName"):
            raise _not_emulated("rolling updates of endpoints for inference components")
        with self._counting:
            endpoint.refuse_busy()
            quota_checks.check_fleet(list(self.endpoints.values()), fleet, policy)
            endpoint.update(fleet, policy, request.get("DeploymentConfig"))
        self._queue(endpoint, config)
        return endpoint

    def update_endpoint_weights_and_capacities(self, request: Request) -> Endpoint:
        """UpdateEndpointWeightsAndCapacities: returns at once, the endpoint is Updating."""
        endpoint = self.endpoint(request["EndpointName"])
        config = endpoint.config
        variants = {
            variant["VariantName"]: variant
            for variant in (*config.variants, *config.shadow_variants)
        }
        seen: set[str] = set()
        for wanted in request["DesiredWeightsAndCapacities"]:
            name = wanted["VariantName"]
            if name in seen:
                raise repeated(name)
            seen.add(name)
            if name not in variants:
                raise ValidationException(
                    f'The variant name(s) "{name}" is/are not present within endpoint '
                    f'configuration "{endpoint.config.endpoint_config_name}".'
                )
            kinds.check_capacity(
                endpoint.config.request,
                variants[name],
                wanted,
                serving=endpoint.fleet.members[name] if endpoint.fleet else None,
            )
        with self._counting:
            endpoint.refuse_busy()
            if endpoint.fleet is not None:
                quota_checks.check_change(
                    list(self.endpoints.values()),
                    endpoint.fleet,
                    request["DesiredWeightsAndCapacities"],
                )
            endpoint.adjust(request["DesiredWeightsAndCapacities"])
        return endpoint

    def delete_endpoint(self, endpoint_name: str) -> None:
        """DeleteEndpoint: returns at once; its scalable targets go with it."""
        endpoint = self.endpoint(endpoint_name)
        self.components.check_deletion(endpoint)
        endpoint.delete(lambda: self._forget(endpoint_name))
        scaling.deregister(self.cloud, endpoint_name)

    def _forget(self, endpoint_name: str) -> None:
        del self.endpoints[endpoint_name]
        if queue := self.queues.pop(endpoint_name, None):
            queue.close()

    def _queue(self, endpoint: Endpoint, config: EndpointConfigRecord) -> None:
        """Give an endpoint that is or becomes asynchronous its queue."""
        if config.request.get("AsyncInferenceConfig") and endpoint.endpoint_name not in self.queues:
            self.queues[endpoint.endpoint_name] = AsyncQueue(self.cloud, endpoint)

    def _servable(self, config_name: str) -> EndpointConfigRecord:
        """The config, if this AWS can serve it.

        Raises:
            ValidationException: it does not exist, or is of a kind that is not emulated.
        """
        config = self.config(config_name)
        for variant in (*config.variants, *config.shadow_variants):
            if variant.get("ModelName"):
                self.servable_model(variant["ModelName"])
        return config

    def _fleet(
        self,
        endpoint_name: str,
        config: EndpointConfigRecord,
        *,
        counts: Mapping[str, int] | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> Fleet:
        """A fleet for a config, not started yet."""
        model = config.variants[0].get("ModelName")
        role = config.request.get("ExecutionRoleArn")
        return Fleet(
            self.cloud,
            endpoint_name=endpoint_name,
            config=config,
            counts=counts or {},
            weights=weights or {},
            role_arn=self.model(model).execution_role_arn if model else role or "",
            variant_of=partial(
                kinds.variant_of, components=partial(self.components.wanted, endpoint_name)
            ),
        )

    def servable_model(self, name: str) -> None:
        """Refuse a model that this AWS cannot serve.

        Raises:
            ValidationException: it does not exist, or is of a kind that is not emulated.
        """
        model = self.model(name)
        if len(model.containers) > 1:
            raise _not_emulated("models of several containers")
        if model.containers[0].get("Mode") == "MultiModel":
            raise _not_emulated("multi-model containers")


def _not_emulated(what: str) -> Exception:
    return ValidationException(f"The local AWS does not serve {what}.")
