"""`VariantScaling`: the scalable target of a variant, and its policies."""

from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from inference_constructs.scaling import SCALABLE_DIMENSION, SERVICE_NAMESPACE, Scaling


class VariantScaling(Construct):
    """Defines the resources that move the number of a variant's instances.

    Application Auto Scaling works with its service-linked role, so there is no role here.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        endpoint_name: the endpoint; the caller sees to it that it exists first.
        variant_name: the variant.
        scaling: bounds and policies.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        variant_name: str,
        scaling: Scaling,
    ) -> None:
        super().__init__(scope, construct_id)
        target = autoscaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace=SERVICE_NAMESPACE,
            scalable_dimension=SCALABLE_DIMENSION,
            resource_id=f"endpoint/{endpoint_name}/variant/{variant_name}",
            min_capacity=scaling.min_capacity,
            max_capacity=scaling.max_capacity,
        )
        for policy in scaling.policies:
            autoscaling.CfnScalingPolicy(
                self,
                policy.metric,
                # Required, and unique within the target: another target may use it again.
                policy_name=policy.metric,
                policy_type="TargetTrackingScaling",
                scaling_target_id=target.ref,
                target_tracking_scaling_policy_configuration=policy.configuration(),
            )
