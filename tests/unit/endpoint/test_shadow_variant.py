"""Shadows: what is copied, beside what, and what AWS refuses."""

import json

import pytest
from aws_cdk import Stack
from aws_cdk.assertions import Match, Template

from inference_constructs import (
    EndpointDashboard,
    InferenceModel,
    ModelArtifact,
    ProductionVariant,
    RealtimeEndpoint,
    ShadowVariant,
)

PAGE = "https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html"


@pytest.fixture
def candidate(stack: Stack, artifact: ModelArtifact) -> InferenceModel:
    """A model of its own for the shadow."""
    return InferenceModel(stack, "Candidate", artifact=artifact)


def variant(
    model: InferenceModel, *, name: str = "AllTraffic", weight: float = 1
) -> ProductionVariant:
    """A production variant."""
    return ProductionVariant(model=model, instance_type="ml.m5.large", name=name, weight=weight)


@pytest.mark.parametrize("case", [(1, 100, 1), (2, 25, 0.5), (1, 0, 0)])
def test_the_shadows_weight_is_the_share_of_the_requests_that_is_copied(
    stack: Stack,
    model: InferenceModel,
    candidate: InferenceModel,
    case: tuple[float, float, float],
) -> None:
    """SageMaker copies as much as the shadow's weight is of the production variant's."""
    production_weight, sampling, weight = case
    RealtimeEndpoint(
        stack,
        "Endpoint",
        variants=[variant(model, weight=production_weight)],
        shadow=ShadowVariant(
            model=candidate,
            instance_type="ml.c5.large",
            initial_instance_count=2,
            sampling_percent=sampling,
        ),
    )
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::EndpointConfig",
        {
            "ProductionVariants": [Match.object_like({"InitialVariantWeight": production_weight})],
            "ShadowProductionVariants": [
                {
                    "VariantName": "Shadow",
                    "ModelName": Match.any_value(),
                    "InstanceType": "ml.c5.large",
                    "InitialInstanceCount": 2,
                    "InitialVariantWeight": weight,
                }
            ],
        },
    )


def test_the_shadows_role_writes_logs_and_its_metrics_are_on_the_dashboard(
    stack: Stack, model: InferenceModel, candidate: InferenceModel
) -> None:
    """A shadow is there to be looked at; the endpoint's own metrics stay those of the answers."""
    endpoint = RealtimeEndpoint(
        stack,
        "Endpoint",
        variants=[variant(model)],
        shadow=ShadowVariant(model=candidate, instance_type="ml.m5.large"),
    )
    EndpointDashboard(stack, "Dashboard", endpoint=endpoint)
    assert endpoint.metrics().variant_name == "AllTraffic"
    assert endpoint.metrics("Shadow").variant_name == "Shadow"
    template = Template.from_stack(stack)
    writers = [
        policy
        for policy in template.find_resources("AWS::IAM::ManagedPolicy").values()
        if "Runs the containers" in policy["Properties"]["Description"]
        and "logs:PutLogEvents" in json.dumps(policy)
    ]
    assert len(writers) == 2
    (dashboard,) = template.find_resources("AWS::CloudWatch::Dashboard").values()
    assert "Shadow: latency" in json.dumps(dashboard)


def test_a_shadow_beside_an_ab_test_is_refused(
    stack: Stack, model: InferenceModel, candidate: InferenceModel
) -> None:
    """SageMaker takes exactly one production variant beside a shadow."""
    with pytest.raises(ValueError, match=f"one production variant, not 2.*{PAGE}"):
        RealtimeEndpoint(
            stack,
            "Endpoint",
            variants=[variant(model, name="A"), variant(model, name="B")],
            shadow=ShadowVariant(model=candidate, instance_type="ml.m5.large"),
        )


def test_a_shadow_needs_a_name_of_its_own(
    stack: Stack, model: InferenceModel, candidate: InferenceModel
) -> None:
    """The name is a dimension of the metrics."""
    with pytest.raises(ValueError, match="2 variants are called 'AllTraffic'"):
        RealtimeEndpoint(
            stack,
            "Endpoint",
            variants=[variant(model)],
            shadow=ShadowVariant(model=candidate, instance_type="ml.m5.large", name="AllTraffic"),
        )


@pytest.mark.parametrize("percent", [-1, 101, float("nan"), float("inf")])
def test_a_sampling_that_is_no_percentage_is_refused(model: InferenceModel, percent: float) -> None:
    """A request is copied once at most."""
    with pytest.raises(ValueError, match="sampling_percent must be 0 to 100"):
        ShadowVariant(model=model, instance_type="ml.m5.large", sampling_percent=percent)


def test_a_shadows_fleet_is_checked_like_any_other(model: InferenceModel) -> None:
    """T3 is no hosting type for a shadow, either."""
    with pytest.raises(ValueError, match=r"'Shadow'.*ml\.t3\.medium' is not offered for hosting"):
        ShadowVariant(model=model, instance_type="ml.t3.medium")


def test_a_shadow_on_local_disks_leaves_the_whole_config_without_a_key(
    stack: Stack, model: InferenceModel, candidate: InferenceModel
) -> None:
    """The key is the config's, and SageMaker refuses it for any instance with NVMe disks."""
    RealtimeEndpoint(
        stack,
        "Endpoint",
        variants=[variant(model)],
        shadow=ShadowVariant(model=candidate, instance_type="ml.m5d.large"),
    )
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::EndpointConfig", {"KmsKeyId": Match.absent()}
    )
