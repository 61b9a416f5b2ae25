"""`ScalingOwner`: the function that owns the scalable targets of a stack's endpoints."""

from typing import Self

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from inference_constructs.arns import own_arn
from inference_constructs.durations import minutes
from inference_constructs.encryption import EncryptionKey
from inference_constructs.python_function import PythonFunction
from inference_constructs.scaling_permissions import allow_scaling

_ID = "ScalingOwner"
# Lambda's own limit: an endpoint that is being changed is waited for.
_MINUTES = 15
# In seconds, after which CloudFormation takes a request for failed.
SERVICE_TIMEOUT = str(60 * (_MINUTES + 1))


class ScalingOwner(PythonFunction):
    """Defines the function that `EndpointScaling` has registered targets by, one for a stack.

    It may change the endpoints that are named to it, and the parameters and alarms of its own
    stack: those of an endpoint that leaves the code are deleted when the policy no longer names it.

    Args:
        scope: the stack.
        construct_id: the id within the stack.
        encryption: the key of the log group.
    """

    def __init__(self, scope: Stack, construct_id: str, *, encryption: EncryptionKey) -> None:
        stack_name = scope.stack_name
        super().__init__(
            scope,
            construct_id,
            handler="scaling.custom_resource.handler",
            description="Registers endpoints of the stack with Application Auto Scaling.",
            encryption=encryption,
            environment={"STACK_NAME": stack_name},
            timeout=minutes(_MINUTES),
        )
        self._stack = scope
        self.stack_name = stack_name
        self.function_arn = self.function.function_arn
        allow_scaling(self.role, stack=scope, stack_name=stack_name)
        self._endpoints = iam.PolicyStatement(
            actions=["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"]
        )
        self._components: iam.PolicyStatement | None = None
        self.role.add_statements(self._endpoints)

    @classmethod
    def of(cls, scope: Construct, *, encryption: EncryptionKey) -> Self:
        """The owner in the stack of a construct; the first to ask has it made.

        Args:
            scope: the construct.
            encryption: the key of a new owner's log group.
        """
        stack = Stack.of(scope)
        found = stack.node.try_find_child(_ID)
        return found if isinstance(found, cls) else cls(stack, _ID, encryption=encryption)

    def own_endpoint(self, endpoint_name: str) -> None:
        """Lets it scale the variants of an endpoint.

        Args:
            endpoint_name: the endpoint.
        """
        # SageMaker writes names in ARNs in small letters.
        self._endpoints.add_resources(
            own_arn(self._stack, "sagemaker", f"endpoint/{endpoint_name.lower()}")
        )

    def own_component(self, component_name: str) -> None:
        """Lets it scale the copies of an inference component.

        Args:
            component_name: the component.
        """
        if self._components is None:
            self._components = iam.PolicyStatement(
                actions=[
                    "sagemaker:DescribeInferenceComponent",
                    "sagemaker:UpdateInferenceComponentRuntimeConfig",
                ]
            )
            self.role.add_statements(self._components)
        self._components.add_resources(
            own_arn(self._stack, "sagemaker", f"inference-component/{component_name.lower()}")
        )
