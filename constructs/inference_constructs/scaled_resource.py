"""`ScaledResource`: one scalable target of an endpoint, as a value."""

from dataclasses import dataclass
from typing import Any

from inference_constructs.faults import refuse
from inference_constructs.scalable import ScalableKind
from inference_constructs.scaling import Scaling
from inference_constructs.step_scaling import StepScaling

# What stands for the instance type of a variant without instances.
SERVERLESS = "serverless"
COMPONENT = "inference-component"


@dataclass(frozen=True, kw_only=True)
class ScaledResource:
    """A variant or an inference component, and its scaling.

    Attributes:
        kind: what of it is scaled.
        resource_id: in Application Auto Scaling's words, such as `endpoint/NAME/variant/NAME`.
        shape: what SageMaker lets nobody change while the resource is a scalable target: the
            instance type of a variant.
        dimensions: of the metrics that SageMaker publishes about it.
        scaling: bounds, policies and schedules.
    """

    kind: ScalableKind
    resource_id: str
    shape: str
    dimensions: dict[str, str]
    scaling: Scaling

    def __post_init__(self) -> None:
        """Refuses a scaling that AWS does not take of this kind.

        Raises:
            ValueError: names all that is wrong.
        """
        refuse(f"scaling of {self.resource_id}", self.scaling.faults_for(self.kind))

    @classmethod
    def instances(
        cls,
        endpoint_name: str,
        variant_name: str,
        *,
        instance_types: tuple[str, ...],
        scaling: Scaling,
    ) -> "ScaledResource":
        """The instances of a variant of a real-time endpoint.

        Args:
            endpoint_name: the endpoint.
            variant_name: the variant.
            instance_types: the one type, or those of the variant's instance pools in their order.
            scaling: bounds, policies and schedules.
        """
        return cls(
            kind=ScalableKind.INSTANCES,
            resource_id=variant_id(endpoint_name, variant_name),
            shape=",".join(instance_types),
            dimensions={"EndpointName": endpoint_name, "VariantName": variant_name},
            scaling=scaling,
        )

    @classmethod
    def async_instances(
        cls, endpoint_name: str, variant_name: str, *, instance_type: str, scaling: Scaling
    ) -> "ScaledResource":
        """The instances of an asynchronous endpoint, whose metrics carry the endpoint's name only.

        Args:
            endpoint_name: the endpoint.
            variant_name: the variant.
            instance_type: its type.
            scaling: bounds, policies and schedules.
        """
        return cls(
            kind=ScalableKind.ASYNC_INSTANCES,
            resource_id=variant_id(endpoint_name, variant_name),
            shape=instance_type,
            dimensions={"EndpointName": endpoint_name},
            scaling=scaling,
        )

    @classmethod
    def provisioned_concurrency(
        cls, endpoint_name: str, variant_name: str, *, scaling: Scaling
    ) -> "ScaledResource":
        """The provisioned concurrency of a serverless variant.

        Args:
            endpoint_name: the endpoint.
            variant_name: the variant.
            scaling: bounds, policies and schedules.
        """
        return cls(
            kind=ScalableKind.PROVISIONED_CONCURRENCY,
            resource_id=variant_id(endpoint_name, variant_name),
            shape=SERVERLESS,
            dimensions={"EndpointName": endpoint_name, "VariantName": variant_name},
            scaling=scaling,
        )

    @classmethod
    def copies(cls, component_name: str, *, scaling: Scaling) -> "ScaledResource":
        """The copies of an inference component.

        Args:
            component_name: the component, by a name that is known at synth.
            scaling: bounds, policies and schedules.
        """
        return cls(
            kind=ScalableKind.COPIES,
            resource_id=f"{COMPONENT}/{component_name}",
            shape=COMPONENT,
            dimensions={"InferenceComponentName": component_name},
            scaling=scaling,
        )

    def definition(self, *, stack_name: str, endpoint_name: str) -> dict[str, Any]:
        """The target with all that belongs to it, in CloudFormation's own property names.

        They are those of `AWS::ApplicationAutoScaling::ScalableTarget`, with the policies of
        `AWS::ApplicationAutoScaling::ScalingPolicy` and the alarms of `AWS::CloudWatch::Alarm` that
        belong to it.

        Args:
            stack_name: the stack, which the names of all its alarms begin with.
            endpoint_name: the endpoint, whose name comes next.
        """
        policies, alarms = [], []
        name = f"{endpoint_name}/{self.resource_id.rpartition('/')[-1]}"
        for policy in self.scaling.policies:
            policies.append(policy.definition(self.dimensions))
            if isinstance(policy, StepScaling):
                alarms.append(
                    {
                        "AlarmName": f"{alarm_prefix(stack_name)}{name}-{policy.policy_name}",
                        # The policy's ARN is known once it is put.
                        "AlarmActions": [policy.policy_name],
                        **policy.alarm(self.dimensions),
                    }
                )
        return {
            "ResourceId": self.resource_id,
            "ScalableDimension": self.kind.rules.dimension,
            "InstanceType": self.shape,
            **self.scaling.target_definition(),
            "ScalingPolicies": policies,
            "Alarms": alarms,
        }


def variant_id(endpoint_name: str, variant_name: str) -> str:
    """A variant, as Application Auto Scaling names it.

    Args:
        endpoint_name: the endpoint.
        variant_name: the variant.
    """
    return f"endpoint/{endpoint_name}/variant/{variant_name}"


def alarm_prefix(stack_name: str) -> str:
    """How the names of a stack's step alarms begin, and those of no other.

    Args:
        stack_name: the stack.
    """
    return f"StepScaling-{stack_name}/"
