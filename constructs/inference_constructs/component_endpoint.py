"""`InferenceComponentEndpoint`: models that share instances, which go when nobody asks."""

from collections.abc import Sequence
from typing import ClassVar

from aws_cdk import Names
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from inference_constructs.component_metrics import COMPONENTS, ComponentMetrics
from inference_constructs.encryption import EncryptionKey
from inference_constructs.endpoint_base import EndpointBase, acknowledge_no_volume_key
from inference_constructs.endpoint_logs import EndpointLogs
from inference_constructs.endpoint_scaling import EndpointScaling
from inference_constructs.inference_component import InferenceComponent
from inference_constructs.managed_fleet import ManagedFleet
from inference_constructs.network import Network, network_interface_statement
from inference_constructs.scaled_resource import ScaledResource
from inference_constructs.service_role import ServiceRole
from inference_constructs.stages import path_in_stage

_CONFIG_PAGE = (
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html"
)


class InferenceComponentEndpoint(EndpointBase):
    """Defines an endpoint without a model of its own, and inference components on it.

    Each component has as many copies as its scaling asks for, and the fleet has as many instances
    as the copies need. With a fleet and scalings from 0 on it costs nothing while nobody asks; the
    first request is refused and starts a copy, which takes minutes.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        fleet: the instances.
        components: the models, with different names.
        network: the VPC that all containers are attached to; by default SageMaker's own.
        network_isolation: whether all containers are cut off from every network.
        encryption: the key for the instances' storage and the logs; by default a new one.
        endpoint_name: by default derived from the construct's path.
        endpoint_logs: what becomes of the logs of endpoint and components.

    Raises:
        ValueError: names all that is wrong with the components or the name.
    """

    name_suffix: ClassVar[str] = "-components"

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        fleet: ManagedFleet,
        components: Sequence[InferenceComponent],
        network: Network | None = None,
        network_isolation: bool = True,
        encryption: EncryptionKey | None = None,
        endpoint_name: str | None = None,
        endpoint_logs: EndpointLogs | None = None,
    ) -> None:
        self.fleet = fleet
        self.components = tuple(components)
        self._network = network
        self._isolated = network_isolation
        super().__init__(
            scope,
            construct_id,
            endpoint_name=endpoint_name,
            encryption=encryption,
            endpoint_logs=endpoint_logs,
            variant_names=[fleet.name],
            models={component.name: component.model for component in self.components},
            faults=self._faults(),
        )
        self._instance_role = self._make_instance_role()
        self._define_endpoint(self._endpoint_config())
        self._instance_role.ready_before(self.resource)
        self._names: dict[str, str] = {}
        self._resources = {component.name: self._host(component) for component in self.components}
        # Without any scaling, too: an update that takes the last one away needs its owner.
        self.scaling = EndpointScaling(
            self,
            "Scaling",
            endpoint=self.resource,
            endpoint_name=self.endpoint_name,
            config_name=self.endpoint_config_name,
            resources=[],
            encryption=self.encryption,
        )
        for component in self.components:
            if component.scaling is not None:
                self.scaling.add(
                    ScaledResource.copies(
                        self.component_name(component.name), scaling=component.scaling
                    ),
                    self._resources[component.name],
                )

    def component_name(self, name: str | None = None) -> str:
        """The name of a component, which clients give as `InferenceComponentName`.

        Args:
            name: what it is called within the endpoint; it may be left out if there is only one.

        Raises:
            ValueError: there is no such component, or more than one to choose from.
        """
        names = list(self._names)
        if name is None and len(names) == 1:
            name = names[0]
        if name not in self._names:
            given = "no name" if name is None else repr(name)
            raise ValueError(f"name must be one of {', '.join(names)}, and {given} was given")
        return self._names[name]

    def component_metrics(self, name: str | None = None) -> ComponentMetrics:
        """The metrics of a component.

        Args:
            name: what it is called within the endpoint; it may be left out if there is only one.
        """
        return ComponentMetrics(component_name=self.component_name(name))

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lets someone ask any of the components for predictions.

        Args:
            grantee: who asks.
        """
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["sagemaker:InvokeEndpoint"],
            resource_arns=[
                self.endpoint_arn,
                *(resource.ref for resource in self._resources.values()),
            ],
        )

    def _make_instance_role(self) -> ServiceRole:
        role = ServiceRole(
            self,
            "Role",
            service="sagemaker.amazonaws.com",
            description=f"Runs the instances of {path_in_stage(self)}.",
        )
        self._allow_logs_and_metrics(role)
        # Whether SageMaker loads a component's model with the model's role or with the endpoint's
        # is not documented: both may.
        for model in dict.fromkeys(component.model for component in self.components):
            model.allow_loading(role)
        if self._network is not None:
            role.add_statements(network_interface_statement())
        return role

    def _endpoint_config(self) -> sagemaker.CfnEndpointConfig:
        known, network = self.fleet.known_type, self._network
        local_storage = known is not None and known.local_storage
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[self.fleet.definition()],
            execution_role_arn=self._instance_role.role_arn,
            enable_network_isolation=self._isolated,
            vpc_config=None
            if network is None
            else sagemaker.CfnEndpointConfig.VpcConfigProperty(
                subnets=network.subnet_ids, security_group_ids=network.security_group_ids
            ),
            kms_key_id=None if local_storage else self.encryption.key_arn,
        )
        if local_storage:
            acknowledge_no_volume_key(
                config,
                "SageMaker refuses a key for instances with local NVMe disks, which their hardware "
                "encrypts",
            )
        return config

    def _host(self, component: InferenceComponent) -> sagemaker.CfnInferenceComponent:
        scope = Construct(self, f"Component{component.name}")
        # Literal, because scaling, alarms and clients need it.
        name = self._names[component.name] = Names.unique_resource_name(
            scope, max_length=63, separator="-", allowed_special_characters="-"
        )
        log_group = self._make_log_group(scope, f"{COMPONENTS}/{name}")
        resource = component.define(
            scope,
            component_name=name,
            endpoint_name=self.endpoint_name,
            variant_name=self.fleet.name,
        )
        resource.node.add_dependency(self.resource)
        resource.node.add_dependency(log_group.resource)
        for role in (self._instance_role, component.model.role):
            role.add_statements(log_group.writing())
            role.add_statements(
                iam.PolicyStatement(
                    actions=["cloudwatch:PutMetricData"],
                    resources=["*"],
                    conditions={"StringEquals": {"cloudwatch:namespace": COMPONENTS}},
                )
            )
            role.ready_before(resource)
        return resource

    def _faults(self) -> list[str]:
        names = [component.name for component in self.components]
        faults = [] if names else ["at least one component is needed"]
        faults += [
            f"{names.count(name)} components are called {name!r}: give each a name of its own"
            for name in sorted(set(names))
            if names.count(name) > 1
        ]
        for component in self.components:
            faults += component.faults_on(self.fleet)
            model = component.model
            if model.network_isolation is not self._isolated:
                faults.append(
                    f"network_isolation is {model.network_isolation} for component "
                    f"{component.name!r} and {self._isolated} for the endpoint: all containers of "
                    f"an endpoint are isolated, or none ({_CONFIG_PAGE})"
                )
            if model.network != self._network:
                faults.append(
                    f"the network of component {component.name!r} must be the endpoint's: its "
                    f"instances are attached to one VPC ({_CONFIG_PAGE})"
                )
        return faults
