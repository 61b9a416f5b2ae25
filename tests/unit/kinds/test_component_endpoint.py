"""Inference components: instances that SageMaker manages, copies that scale to zero and back."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Annotations, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Match, Template

from inference_constructs import (
    ComputeRequirements,
    EndpointLogs,
    InferenceComponent,
    InferenceComponentEndpoint,
    InferenceModel,
    ManagedFleet,
    ModelArtifact,
    Network,
    ScaleIn,
    Scaling,
    ServiceRole,
    StepScaling,
    TargetTracking,
)

Find = Callable[[str], dict[str, Any]]
Statements = Callable[[str], list[dict[str, Any]]]

ZERO_PAGE = (
    "https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html"
)
CONFIG_PAGE = (
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html"
)

SMALL = ComputeRequirements(memory_mb=1024, cpus=0.5)
FLEET = ManagedFleet(instance_type="ml.m5.xlarge", max_instances=3)
FROM_ZERO = Scaling(
    min_capacity=0,
    max_capacity=4,
    policies=[TargetTracking.invocations_per_copy(60), StepScaling.waking_on_failures()],
)


@pytest.fixture
def make(stack: Stack, model: InferenceModel) -> Any:
    """Makes an endpoint with one component."""

    def endpoint(
        fleet: ManagedFleet = FLEET, scaling: Scaling | None = None, **options: Any
    ) -> InferenceComponentEndpoint:
        component = InferenceComponent(
            name="Churn", model=model, requirements=SMALL, scaling=scaling
        )
        return InferenceComponentEndpoint(
            stack, "Endpoint", fleet=fleet, **{"components": [component], **options}
        )

    return endpoint


def test_the_fleet_has_no_model_and_may_have_no_instance(make: Any, one: Find) -> None:
    """It begins with one, which CreateEndpointConfig asks for, and which goes when it is idle."""
    make()
    config = one("AWS::SageMaker::EndpointConfig")["Properties"]
    assert config["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "InstanceType": "ml.m5.xlarge",
            "InitialInstanceCount": 1,
            "ManagedInstanceScaling": {
                "Status": "ENABLED",
                "MinInstanceCount": 0,
                "MaxInstanceCount": 3,
            },
            "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
        }
    ]
    assert "ExecutionRoleArn" in config
    assert "KmsKeyId" in config
    assert config["EnableNetworkIsolation"] is True


def test_a_fleet_begins_with_its_minimum(make: Any, one: Find) -> None:
    """And gives instances back as it is told."""
    fleet = ManagedFleet(
        instance_type="ml.m5.xlarge",
        min_instances=2,
        max_instances=4,
        scale_in=ScaleIn.CONSOLIDATION,
    )
    make(fleet)
    (variant,) = one("AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert variant["InitialInstanceCount"] == 2
    assert variant["ManagedInstanceScaling"]["ScaleInPolicy"] == {"Strategy": "CONSOLIDATION"}


def test_a_component_begins_with_a_copy_although_it_may_have_none(make: Any, one: Find) -> None:
    """A component cannot be made without one."""
    endpoint = make(scaling=FROM_ZERO)
    component = one("AWS::SageMaker::InferenceComponent")["Properties"]
    assert component["RuntimeConfig"] == {"CopyCount": 1}
    assert component["EndpointName"] == endpoint.endpoint_name
    assert component["VariantName"] == "AllTraffic"
    assert component["InferenceComponentName"] == endpoint.component_name()
    assert component["Specification"]["ComputeResourceRequirements"] == {
        "MinMemoryRequiredInMb": 1024,
        "NumberOfCpuCoresRequired": 0.5,
    }


def test_copies_scale_to_zero_and_are_woken_by_refused_requests(make: Any, one: Find) -> None:
    """The alarm watches the component by its name, the only dimension of the metric."""
    endpoint = make(scaling=FROM_ZERO)
    name = endpoint.component_name()
    (target,) = one("Custom::EndpointScaling")["Properties"]["ScalableTargets"]
    assert target["ResourceId"] == f"inference-component/{name}"
    assert target["ScalableDimension"] == "sagemaker:inference-component:DesiredCopyCount"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 4)
    (alarm,) = target["Alarms"]
    assert alarm["MetricName"] == "NoCapacityInvocationFailures"
    assert alarm["Dimensions"] == [{"Name": "InferenceComponentName", "Value": name}]


def test_a_minimum_of_zero_that_nothing_wakes_is_refused(make: Any) -> None:
    """Target tracking has nothing to divide by at zero copies."""
    asleep = Scaling(
        min_capacity=0, max_capacity=2, policies=[TargetTracking.invocations_per_copy(60)]
    )
    with pytest.raises(ValueError, match=f"add StepScaling.waking_on_failures.*{ZERO_PAGE}"):
        make(scaling=asleep)


def test_targets_wait_for_the_components_and_these_for_the_endpoint(
    make: Any, stack: Stack
) -> None:
    """What does not exist yet cannot be registered."""
    make(scaling=FROM_ZERO)
    template = Template.from_stack(stack)
    ((component_id, component),) = template.find_resources(
        "AWS::SageMaker::InferenceComponent"
    ).items()
    (endpoint_id,) = template.find_resources("AWS::SageMaker::Endpoint")
    (applied,) = template.find_resources("Custom::EndpointScaling").values()
    assert endpoint_id in component["DependsOn"]
    assert component_id in applied["DependsOn"]


def test_the_components_log_group_belongs_to_the_stack(make: Any, stack: Stack) -> None:
    """Else the service makes one without a retention, which outlives the stack."""
    endpoint = make(endpoint_logs=EndpointLogs(retention=logs.RetentionDays.ONE_WEEK))
    template = Template.from_stack(stack)
    name = f"/aws/sagemaker/InferenceComponents/{endpoint.component_name()}"
    (group_id,) = template.find_resources(
        "AWS::Logs::LogGroup",
        {
            "Properties": {"LogGroupName": name, "RetentionInDays": 7},
            "DeletionPolicy": "Delete",
        },
    )
    (component,) = template.find_resources("AWS::SageMaker::InferenceComponent").values()
    assert group_id in component["DependsOn"]


def test_one_function_keeps_the_log_groups_of_endpoint_and_components(
    make: Any, stack: Stack, statements: Statements
) -> None:
    """Both have names that the next stack uses again."""
    endpoint = make(endpoint_logs=EndpointLogs(removal_policy=RemovalPolicy.RETAIN))
    template = Template.from_stack(stack)
    kept = {
        resource["Properties"]["LogGroupName"]: logical_id
        for logical_id, resource in template.find_resources("Custom::RetainedLogGroup").items()
    }
    component_group = f"/aws/sagemaker/InferenceComponents/{endpoint.component_name()}"
    assert kept.keys() == {
        f"/aws/sagemaker/Endpoints/{endpoint.endpoint_name}",
        component_group,
    }
    (component,) = template.find_resources("AWS::SageMaker::InferenceComponent").values()
    assert kept[component_group] in component["DependsOn"]
    for word in ("Runs the containers", "Runs the instances"):
        [writes] = [s for s in statements(word) if "logs:PutLogEvents" in s["Action"]]
        assert {"Fn::GetAtt": [kept[component_group], "Arn"]} in writes["Resource"]
    named = json.dumps(statements("Keeps the log groups"))
    assert all(f":log-group:{name}:*" in named for name in kept)


def test_both_roles_may_load_the_model_and_write_its_logs(
    make: Any, statements: Statements
) -> None:
    """Which of them SageMaker uses is not documented."""
    make()
    for word in ("Runs the containers", "Runs the instances"):
        actions = {action for s in statements(word) for action in s["Action"]}
        assert {"s3:GetObject", "ecr:BatchGetImage", "logs:PutLogEvents"} <= actions
        assert "logs:CreateLogGroup" not in actions


def test_whoever_is_granted_may_invoke_endpoint_and_component(
    make: Any, stack: Stack, statements: Statements
) -> None:
    """A request names both."""
    client = ServiceRole(stack, "Client", service="lambda.amazonaws.com", description="the client")
    make().grant_invoke(client.grantee)
    template = Template.from_stack(stack)
    (endpoint_id,) = template.find_resources("AWS::SageMaker::Endpoint")
    (component_id,) = template.find_resources("AWS::SageMaker::InferenceComponent")
    (statement,) = statements("the client")
    assert statement["Action"] == ["sagemaker:InvokeEndpoint"]
    assert statement["Resource"] == [{"Ref": endpoint_id}, {"Ref": component_id}]


def test_components_have_names_and_metrics_of_their_own(
    stack: Stack, model: InferenceModel
) -> None:
    """Several models share the instances."""
    endpoint = InferenceComponentEndpoint(
        stack,
        "Endpoint",
        fleet=FLEET,
        components=[
            InferenceComponent(name=name, model=model, requirements=SMALL)
            for name in ("Churn", "Fraud")
        ],
    )
    Template.from_stack(stack).resource_count_is("AWS::SageMaker::InferenceComponent", 2)
    assert endpoint.component_name("Churn") != endpoint.component_name("Fraud")
    metric = endpoint.component_metrics("Fraud").no_capacity_invocation_failures()
    assert metric.dimensions == {"InferenceComponentName": endpoint.component_name("Fraud")}
    with pytest.raises(ValueError, match="one of Churn, Fraud, and no name was given"):
        endpoint.component_name()


def test_containers_are_attached_to_the_endpoints_vpc(
    stack: Stack, artifact: ModelArtifact, one: Find
) -> None:
    """Instances are the endpoint's, so their VPC is in its config."""
    network = _network(stack)
    model = InferenceModel(stack, "InVpc", artifact=artifact, network=network)
    InferenceComponentEndpoint(
        stack,
        "Endpoint",
        fleet=FLEET,
        network=network,
        components=[InferenceComponent(name="Churn", model=model, requirements=SMALL)],
    )
    config = one("AWS::SageMaker::EndpointConfig")["Properties"]
    assert config["VpcConfig"] == {
        "Subnets": ["subnet-11111111", "subnet-22222222"],
        "SecurityGroupIds": ["sg-33333333"],
    }


def test_a_component_with_another_network_or_isolation_than_the_endpoint_is_refused(
    make: Any, stack: Stack, connected_model: InferenceModel
) -> None:
    """All containers of an endpoint are in one place."""
    with pytest.raises(ValueError, match=f"must be the endpoint's.*{CONFIG_PAGE}"):
        make(network=_network(stack))
    component = InferenceComponent(name="Churn", model=connected_model, requirements=SMALL)
    with pytest.raises(
        ValueError, match=f"network_isolation is False for component.*{CONFIG_PAGE}"
    ):
        InferenceComponentEndpoint(stack, "Other", fleet=FLEET, components=[component])


@pytest.mark.parametrize(
    ("copies", "reason"), [(0, "must be at least 1"), (5, "within the scaling's bounds, 0 to 4")]
)
def test_copies_that_sagemaker_or_the_scaling_would_not_have_are_refused(
    model: InferenceModel, copies: int, reason: str
) -> None:
    """A component begins with a copy at least."""
    with pytest.raises(ValueError, match=reason):
        InferenceComponent(
            name="Churn", model=model, requirements=SMALL, copies=copies, scaling=FROM_ZERO
        )


def test_copies_within_the_bounds_are_taken(model: InferenceModel) -> None:
    """Both ends belong to them."""
    component = InferenceComponent(
        name="Churn", model=model, requirements=SMALL, copies=4, scaling=FROM_ZERO
    )
    assert component.initial_copies == 4


def test_a_copy_that_no_instance_could_hold_is_refused(make: Any, model: InferenceModel) -> None:
    """It would wait for capacity for ever; an ml.m5.xlarge has four vCPUs."""
    whole, more = (
        InferenceComponent(
            name="Churn",
            model=model,
            requirements=ComputeRequirements(memory_mb=1024, cpus=cpus),
        )
        for cpus in (4, 4.5)
    )
    assert whole.faults_on(FLEET) == []
    with pytest.raises(ValueError, match=r"asks for 4.5 vCPUs.*ml.m5.xlarge has 4"):
        make(components=[more])


@pytest.mark.parametrize(
    ("requirements", "reason"),
    [
        ({"memory_mb": 127}, "memory_mb must be at least 128, not 127"),
        ({"memory_mb": 1024, "cpus": 0.2}, "cpus must be at least 0.25"),
        ({"memory_mb": 1024, "cpus": float("nan")}, "cpus must be at least 0.25"),
        ({"memory_mb": 1024, "accelerators": 0}, "accelerators must be at least 1"),
        ({"memory_mb": 1024, "max_memory_mb": 512}, "max_memory_mb must be at least 1024"),
    ],
)
def test_requirements_below_the_limits_are_refused(
    requirements: dict[str, Any], reason: str
) -> None:
    """CreateInferenceComponent would refuse them at the deployment."""
    with pytest.raises(ValueError, match=reason):
        ComputeRequirements(**requirements)


def test_requirements_at_the_limits_are_taken() -> None:
    """Both ends belong to them."""
    least = ComputeRequirements(memory_mb=128, cpus=0.25, accelerators=1, max_memory_mb=128)
    assert least.memory_mb == least.max_memory_mb


@pytest.mark.parametrize(
    ("fleet", "reason"),
    [
        ({"min_instances": -1}, "min_instances must be 0 or greater"),
        ({"min_instances": 3, "max_instances": 2}, "max_instances must be at least 1 and"),
        ({"max_instances": 0}, "max_instances must be at least 1 and"),
        ({"instance_type": "ml.m5.huge"}, "not offered for hosting"),
        ({"name": "no name"}, "name must be up to 63"),
    ],
)
def test_a_fleet_that_sagemaker_refuses_is_refused(fleet: dict[str, Any], reason: str) -> None:
    """Better now than in the middle of a deployment."""
    with pytest.raises(ValueError, match=reason):
        ManagedFleet(**{"instance_type": "ml.m5.xlarge", "max_instances": 2, **fleet})


def test_an_endpoint_needs_components_of_different_names(
    make: Any, stack: Stack, model: InferenceModel
) -> None:
    """Without one there is nothing to ask; of two alike nobody knows which."""
    component = InferenceComponent(name="Churn", model=model, requirements=SMALL)
    with pytest.raises(ValueError, match="2 components are called 'Churn'"):
        make(components=[component, component])
    stack.node.try_remove_child("Endpoint")
    with pytest.raises(ValueError, match="at least one component is needed"):
        make(components=[])


def test_instances_with_local_disks_get_no_key(make: Any, stack: Stack) -> None:
    """SageMaker refuses a key for local NVMe disks, which their hardware encrypts."""
    make(ManagedFleet(instance_type="ml.g4dn.xlarge", max_instances=1))
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::EndpointConfig", {"KmsKeyId": Match.absent()}
    )


def _network(stack: Stack) -> Network:
    subnets = [
        ec2.Subnet.from_subnet_attributes(stack, name, subnet_id=name, availability_zone=zone)
        for name, zone in (("subnet-11111111", "a"), ("subnet-22222222", "b"))
    ]
    for subnet in subnets:
        Annotations.of(subnet).acknowledge_warning("@aws-cdk/aws-ec2:noSubnetRouteTableId")
    group = ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-33333333")
    return Network(subnets=subnets, security_groups=[group])
