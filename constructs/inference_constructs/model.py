"""`InferenceModel`: a SageMaker Model with a role of its own."""

import re
from collections.abc import Mapping
from functools import cached_property

from aws_cdk import Annotations, CfnDeletionPolicy, CfnTag, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from inference_constructs.acknowledgements import acknowledge
from inference_constructs.arns import place_of
from inference_constructs.artifact import ModelArtifact
from inference_constructs.faults import refuse
from inference_constructs.network import Network, network_interface_statement
from inference_constructs.service_role import ServiceRole
from inference_constructs.stages import path_in_stage
from inference_constructs.wildcards import acknowledge_wildcard

_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class InferenceModel(Construct):
    """Defines a SageMaker Model of an artifact, and the role that its containers run under.

    The Model has no name, so that it can be replaced: any change of artifact or environment makes a
    new one.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        artifact: the trained model with its code.
        environment: further variables of the container, such as `INFERENCE_OUTPUT`.
        network: the VPC that the containers are attached to; by default SageMaker's own.
        network_isolation: whether the containers are cut off from every network. None means
            they are. An artifact that needs a network to start asks for an explicit False.
        role: a role to use instead of a new one. It is never changed; the statements that it must
            already have are printed at synth.
        artifact_key: the key of the bucket that the model data lies in, if it is customer-managed.

    Raises:
        ValueError: the artifact cannot be served, or not without a network as was asked for.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        artifact: ModelArtifact,
        environment: Mapping[str, str] | None = None,
        network: Network | None = None,
        network_isolation: bool | None = None,
        role: iam.IRole | None = None,
        artifact_key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._kept = False
        self.artifact = bound = artifact.bind(self)
        if network_isolation is not False and bound.network_need is not None:
            raise ValueError(
                f"network isolation of {self.node.path} must be off: {bound.network_need}; change "
                "that, or set network_isolation=False"
            )
        variables = {} if environment is None else dict(environment)
        if bound.model_package_arn is not None and variables:
            raise ValueError(
                f"environment of {self.node.path} must be empty: the model package brings its own; "
                "leave it out, or serve the package's model with code of yours"
            )
        faults = _faults(variables, bound.environment)
        if faults:
            refuse(f"environment of {self.node.path}", faults)
        if bound.model_package_arn is None:
            variables = {
                "INFERENCE_MODEL_VERSION": bound.version,
                **bound.environment,
                **variables,
            }
        self.environment = variables
        self.network = network
        self.network_isolation = True if network_isolation is None else network_isolation
        self.role = ServiceRole(
            self,
            "Role",
            service="sagemaker.amazonaws.com",
            description=f"Runs the containers of {path_in_stage(self)}.",
            existing=role,
        )
        self._allow(network)
        if artifact_key is not None:
            artifact_key.grant_decrypt(self.role.grantee)
        self._model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=self.role.role_arn,
            enable_network_isolation=self.network_isolation,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=bound.image if bound.model_package_arn is None else None,
                model_data_url=bound.model_data_url,
                model_package_name=bound.model_package_arn,
                environment=variables or None,
            ),
            tags=[
                CfnTag(key=f"inference:{key}", value=value) for key, value in self.lineage.items()
            ]
            or None,
            vpc_config=None
            if network is None
            else sagemaker.CfnModel.VpcConfigProperty(
                subnets=network.subnet_ids, security_group_ids=network.security_group_ids
            ),
        )
        self.role.ready_before(self._model)

    @cached_property
    def model_name(self) -> str:
        """The Model's name, which CloudFormation makes up."""
        return self._model.attr_model_name

    @property
    def lineage(self) -> dict[str, str]:
        """Where the model comes from, for tags: version, digest, job or package."""
        known = {
            "model-version": self.artifact.version,
            "artifact-sha256": self.artifact.sha256,
            "model-source": self.artifact.source_arn,
        }
        return {key: value for key, value in known.items() if value is not None}

    def keep_replaced(self, tags: Mapping[str, str]) -> None:
        """Keeps every Model that an update replaces; `DeploymentHistory` deletes them.

        Args:
            tags: what the kept Models are found by.

        Raises:
            ValueError: something else keeps them already, and either would delete the other's.
        """
        if self._kept:
            raise ValueError(
                f"the model {self.node.path} must belong to one endpoint with a deployment history "
                "only: make another InferenceModel of the same artifact"
            )
        self._kept = True
        options = self._model.cfn_options
        options.update_replace_policy = CfnDeletionPolicy.RETAIN
        options.deletion_policy = CfnDeletionPolicy.DELETE
        for key, value in tags.items():
            Tags.of(self._model).add(key, value)
        if self.artifact.earlier_object_arns is None:
            Annotations.of(self).add_warning_v2(
                "inference-constructs:earlierModelData",
                "the data of earlier models lie where they are not known at synth, so the role "
                "cannot read them, and a rollback to an earlier deployment fails: pack the model "
                "into an asset (repack=True), or let the role read them",
            )

    def allow_loading(self, role: ServiceRole) -> None:
        """Lets a role fetch the container's image and the model data.

        Where it can, it reads what earlier deployments of the stack uploaded as well: its policy
        changes before the endpoint does, and until then the old fleet starts instances, too.

        Args:
            role: the role that the instances run under.
        """
        earlier = self.artifact.earlier_object_arns
        data = list(self.artifact.object_arns if earlier is None else earlier)
        if data:
            role.add_statements(iam.PolicyStatement(actions=["s3:GetObject"], resources=data))
        role.add_statements(
            # https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
            iam.PolicyStatement(
                actions=[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                resources=[self._repository_arn()],
            ),
            iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
        )
        _acknowledge_actions_without_resource(role)
        for arn in earlier or ():
            acknowledge_wildcard(
                role,
                arn,
                "The models that deployments of this stack uploaded: an old fleet starts "
                "instances, and a rollback goes back to them; nothing else lies there",
            )

    def _allow(self, network: Network | None) -> None:
        self.allow_loading(self.role)
        if network is not None:
            self.role.add_statements(network_interface_statement())

    def _repository_arn(self) -> str:
        registry, _, name = self.artifact.image.partition("/")
        place = place_of(self.role.stack)
        # Not up to the first dot: in a stack for any account there is one within the token.
        account = registry.partition(".dkr.")[0]
        repository = name.partition(":")[0]
        return f"arn:{place.partition}:ecr:{place.region}:{account}:repository/{repository}"


def _acknowledge_actions_without_resource(role: ServiceRole) -> None:
    """Lets the actions stand that a container needs and that can be confined to no resource.

    Args:
        role: the role of containers.
    """
    if role.policy is not None:
        acknowledge(
            role.policy,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            "ecr:GetAuthorizationToken, cloudwatch:PutMetricData and the network interfaces of "
            "a VPC take no resource; metrics are confined to SageMaker's namespaces",
        )


def _faults(variables: Mapping[str, str], required: Mapping[str, str]) -> list[str]:
    faults = []
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name):
            faults.append(f"{name!r} is no name of a variable: use letters, digits and _")
        elif name == "SAGEMAKER_CONTAINER_LOG_LEVEL":
            if not value.isdecimal():
                faults.append(f"{name} must be a number such as 20, not {value!r}")
        elif name in required:
            faults.append(f"{name} is set by the artifact to {required[name]!r}: leave it out")
    return faults
