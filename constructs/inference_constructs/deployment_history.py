"""`DeploymentHistory`: the way back to what an endpoint served before."""

from aws_cdk import CfnDeletionPolicy, CustomResource, Duration, RemovalPolicy, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from inference_constructs.endpoint_base import EndpointBase
from inference_constructs.faults import refuse
from inference_constructs.functions.deployment_history.record import OWNER
from inference_constructs.python_function import PythonFunction
from inference_constructs.stages import path_in_stage
from inference_constructs.wildcards import acknowledge_wildcard

# SageMaker takes 50 tags for a resource, and the user has some, too.
_MOST = 20
_VARIANT_PROPERTIES = ("DesiredInstanceCount", "DesiredWeight")


class DeploymentHistory(Construct):
    """Retains the configs and models of an endpoint's last deployments, and lists them in its tags.

    CloudFormation retains each EndpointConfig and Model that an update replaces
    (`UpdateReplacePolicy`). A custom resource after the endpoint writes the configs into the
    endpoint's tags: `inference:live-config`, `inference:previous-config/1` and so on, the most
    recent first. When an update is through, what is beyond the number to keep is deleted, but never
    the live config nor a model that a retained config names; a rollback deletes nothing.

    `inference deployments` shows what is retained, and `inference rollback` goes back to it. A
    retained Model needs its role, and what lies in S3:

    - A model's role keeps its permissions only as long as its construct stays where it is in the
      tree, and the role reads what earlier deployments uploaded.
    - A variant that leaves the code takes its Model along: keep its `InferenceModel` for one
      deployment more to be able to go back.
    - `cdk gc` deletes uploaded models that no template names any more.

    The update fails if SageMaker took the endpoint back to its old config without saying so.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        endpoint: the endpoint.
        keep: how many previous deployments are retained, 1 to 20.
        removal_policy: what becomes of them when the stack goes.
        log_retention: how long the logs of the custom resource are kept.

    Raises:
        ValueError: the number is out of bounds, the config names no models, or a model has another
            history already.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint: EndpointBase,
        keep: int,
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        super().__init__(scope, construct_id)
        refuse(f"the deployment history of {endpoint.endpoint_name!r}", _faults(endpoint, keep))
        self.keep = keep
        self._owner = path_in_stage(endpoint)
        options = endpoint.config.cfn_options
        options.update_replace_policy = CfnDeletionPolicy.RETAIN
        options.deletion_policy = CfnDeletionPolicy.DELETE
        Tags.of(endpoint.config).add(OWNER, self._owner)
        for model in endpoint.models:
            model.keep_replaced({OWNER: self._owner})
        function = PythonFunction(
            self,
            "Function",
            handler="deployment_history.custom_resource.handler",
            # A managed policy is replaced when its description changes: no number in it.
            description=f"Keeps the last deployments of {self._owner}.",
            encryption=endpoint.encryption,
            timeout=Duration.minutes(5),
            log_retention=log_retention,
        )
        self._allow(function, endpoint)
        resource = CustomResource(
            self,
            "Record",
            resource_type="Custom::DeploymentHistory",
            service_token=function.function.function_arn,
            properties={
                "EndpointName": endpoint.endpoint_name,
                "ConfigName": endpoint.endpoint_config_name,
                "Keep": keep,
                "RetainedProperties": _retained_properties(endpoint),
                "KeepOnDeletion": removal_policy is not RemovalPolicy.DESTROY,
            },
        )
        function.role.ready_before(resource)
        resource.node.add_dependency(endpoint.resource)

    def _allow(self, function: PythonFunction, endpoint: EndpointBase) -> None:
        stack = Stack.of(self)
        configs, models = (
            stack.format_arn(service="sagemaker", resource=kind, resource_name="*")
            for kind in ("endpoint-config", "model")
        )
        own = {"StringEquals": {f"aws:ResourceTag/{OWNER}": self._owner}}
        function.role.add_statements(
            iam.PolicyStatement(
                actions=[
                    "sagemaker:AddTags",
                    "sagemaker:DeleteTags",
                    "sagemaker:DescribeEndpoint",
                    "sagemaker:ListTags",
                ],
                resources=[endpoint.endpoint_arn],
            ),
            # Whether something is gone can only be asked without a condition on its tags.
            iam.PolicyStatement(
                actions=["sagemaker:DescribeEndpointConfig", "sagemaker:ListTags"],
                resources=[configs],
            ),
            iam.PolicyStatement(actions=["sagemaker:DescribeModel"], resources=[models]),
            iam.PolicyStatement(
                actions=[
                    "sagemaker:AddTags",
                    "sagemaker:DeleteEndpointConfig",
                    "sagemaker:DeleteTags",
                ],
                resources=[configs],
                conditions=own,
            ),
            iam.PolicyStatement(
                actions=["sagemaker:DeleteModel"], resources=[models], conditions=own
            ),
            iam.PolicyStatement(
                actions=["cloudformation:DescribeStacks"], resources=[stack.stack_id]
            ),
        )
        for arn in (configs, models):
            acknowledge_wildcard(
                function.role,
                arn,
                "Earlier configs and models have names that only CloudFormation knows; they are "
                "changed and deleted by a tag of this endpoint's own, and all others only read",
            )


def _faults(endpoint: EndpointBase, keep: int) -> list[str]:
    faults = []
    if not 1 <= keep <= _MOST:
        faults.append(
            f"between 1 and {_MOST} previous deployments can be kept, not {keep}: leave the "
            "history out to keep none"
        )
    variants = Stack.of(endpoint).resolve(endpoint.config.production_variants)
    if not all("modelName" in variant for variant in variants):
        faults.append(
            "the models of inference components stand in no endpoint config, so there is nothing "
            "to go back to: leave the history out"
        )
    return faults


def _retained_properties(endpoint: EndpointBase) -> list[str]:
    """What an update keeps of the variants, as the endpoint's template says."""
    if endpoint.resource.retain_all_variant_properties is not True:
        return []
    excluded = Stack.of(endpoint).resolve(endpoint.resource.exclude_retained_variant_properties)
    names = {item["variantPropertyType"] for item in excluded or ()}
    return [name for name in _VARIANT_PROPERTIES if name not in names]
