"""`DeliveryBuilds`: the builds of a pipeline, their commands, logs and roles."""

import json
from collections.abc import Iterable, Sequence

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack, pipelines
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from inference_constructs import DataBucket, EncryptionKey
from inference_constructs.arns import own_arn
from inference_constructs.service_role import ServiceRole
from inference_constructs.wildcards import acknowledge_wildcard
from stacks.delivery_models import PinnedModels
from stacks.delivery_permissions import Permissions
from stacks.section import DEFAULT_QUALIFIER, ROOT

ASSEMBLY = "cdk.out"
_REVIEWS = "reviews/"
_ENTER = ". .venv/bin/activate"
_INSTALL = "make install"
# What `make` needs is in the image; Node for the CDK comes with the Python packages.
_IMAGE = codebuild.LinuxBuildImage.STANDARD_8_0
_SPEC = {
    "version": "0.2",
    "env": {"shell": "bash"},
    "phases": {"install": {"runtime-versions": {"python": "3.13", "nodejs": "24"}}},
}


def cdk_cli_version() -> str:
    """The version of the CDK CLI that the project pins."""
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    return str(package["devDependencies"]["aws-cdk"])


def publish_with_the_cli(pipeline: pipelines.CodePipeline) -> None:
    """Lets the CDK CLI publish the assets of the stages, instead of npm's `cdk-assets`.

    The newest `cdk-assets` (4.7.3) reads assemblies up to schema 54, and the CDK writes 55. The CLI
    that the project pins reads what its library writes; and its command does not name the assets,
    so the template stays the same where only these change.

    Args:
        pipeline: the pipeline, which is built.
    """
    project = pipeline.node.find_child("Assets").node.find_child("FileAsset").node.default_child
    assert isinstance(project, codebuild.CfnProject)
    spec = json.loads(json.dumps(_SPEC))
    spec["phases"]["install"]["commands"] = [f"npm install -g aws-cdk@{cdk_cli_version()}"]
    stages = f"{Stack.of(pipeline).node.path}/*/*"
    spec["phases"]["build"] = {
        "commands": [f'cdk -a . publish-assets "{stages}" --unstable=publish-assets']
    }
    project.add_property_override("Source.BuildSpec", json.dumps(spec, indent=2))


class DeliveryBuilds(Construct):
    """Defines what all builds of a pipeline have in common, and makes its steps.

    Each has a role of its own, which may read the pipeline's artifacts, log, and do what is given;
    no build is privileged.

    Args:
        scope: the stack of the pipeline.
        construct_id: the id within it.
        source: the repository.
        artifacts: the pipeline's artifacts.
        encryption: the key of artifacts and logs.
        log_retention: how long logs are kept.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        source: pipelines.IFileSetProducer,
        artifacts: DataBucket,
        encryption: EncryptionKey,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        self._source = source
        self._artifacts = artifacts
        self._encryption = encryption
        encryption.allow_logs()
        self._logs = logs.LogGroup(
            self,
            "Logs",
            encryption_key=encryption.key,
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )

    @property
    def defaults(self) -> pipelines.CodeBuildOptions:
        """What holds for the builds that CDK Pipelines adds, too."""
        return pipelines.CodeBuildOptions(
            build_environment=codebuild.BuildEnvironment(
                build_image=_IMAGE, compute_type=codebuild.ComputeType.SMALL
            ),
            partial_build_spec=codebuild.BuildSpec.from_object(_SPEC),
            logging=codebuild.LoggingOptions(
                cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=self._logs)
            ),
            timeout=Duration.hours(1),
        )

    def publishing(self, qualifiers: Iterable[str | None]) -> pipelines.CodeBuildOptions:
        """What the CDK CLI needs to publish, beside the bootstrap role that it assumes.

        Args:
            qualifiers: those of the bootstrap stacks of the stages; None is the CDK's own.
        """
        names = sorted(qualifier or DEFAULT_QUALIFIER for qualifier in qualifiers)
        stack = Stack.of(self)
        return pipelines.CodeBuildOptions(
            role_policy=[
                # It looks whether the bootstrap stack is recent enough.
                iam.PolicyStatement(
                    actions=["ssm:GetParameter"],
                    resources=[
                        own_arn(stack, "ssm", f"parameter/cdk-bootstrap/{name}/version")
                        for name in names
                    ],
                )
            ]
        )

    def synth(self, models: PinnedModels) -> pipelines.CodeBuildStep:
        """Tests the project, and makes the templates of the pipeline and of its stages.

        Args:
            models: the models of AWS that the stages serve.
        """
        return pipelines.CodeBuildStep(
            "Synth",
            input=self._source,
            install_commands=[
                # With it, the handler is tested on the image's serving stack as well.
                "apt-get update -qq",
                "apt-get install -qq --no-install-recommends nginx-light",
                _INSTALL,
            ],
            commands=[
                "make model",
                "make test",
                _ENTER,
                *models.commands,
                'cdk synth --quiet --app "python delivery.py"'
                ' --context git_revision="$CODEBUILD_RESOLVED_SOURCE_VERSION"',
            ],
            primary_output_directory=ASSEMBLY,
            # The tests run three local AWSs at once.
            build_environment=codebuild.BuildEnvironment(compute_type=codebuild.ComputeType.MEDIUM),
            role=self._role("Synth", "Tests and synthesizes.", writes="*", may=models.permissions),
        )

    def verify(
        self, stage: str, endpoint_name: CfnOutput, golden: str | None, may: Permissions
    ) -> pipelines.CodeBuildStep:
        """Checks that a stage's endpoint is what was deployed, and answers.

        Args:
            stage: the stage's name.
            endpoint_name: the endpoint's name, as its stack tells it.
            golden: a request and its answer; None sends none.
            may: what the check calls.
        """
        asked = "" if golden is None else f" --golden {golden}"
        return pipelines.CodeBuildStep(
            "Verify",
            input=self._source,
            install_commands=[_INSTALL],
            commands=[_ENTER, f'inference verify "$ENDPOINT"{asked}'],
            env_from_cfn_outputs={"ENDPOINT": endpoint_name},
            role=self._role(f"Verify-{stage}", f"Verifies the endpoint of {stage}.", may=may),
        )

    def review(
        self,
        stage: str,
        assembly: str,
        synth: pipelines.IFileSetProducer,
        may: Permissions,
    ) -> pipelines.CodeBuildStep:
        """Compares what is deployed in a stage with what would be; fails where that would fail.

        Args:
            stage: the stage's name.
            assembly: the directory of the stage's templates within the output of the synth.
            synth: makes it.
            may: what the review calls.

        Returns:
            The step, with the variables `REVIEW_SUMMARY` and `REVIEW_URL`.
        """
        report = f"{_REVIEWS}{stage}/"
        return pipelines.CodeBuildStep(
            "Review",
            input=self._source,
            additional_inputs={ASSEMBLY: synth},
            install_commands=[_INSTALL],
            env={
                "ASSEMBLY": f"{ASSEMBLY}/{assembly}",
                "BUCKET": self._artifacts.bucket_name,
                "COLUMNS": "120",
            },
            commands=[
                _ENTER,
                # Into the log. Findings of severity error end the build, and with it the pipeline.
                'inference review deployed "$ASSEMBLY"',
                f'REPORT="{report}$CODEBUILD_BUILD_NUMBER.html"',
                'inference review deployed "$ASSEMBLY" --format html --output "s3://$BUCKET/$REPORT"',
                'export REVIEW_SUMMARY="$(inference review deployed "$ASSEMBLY" --format markdown'
                ' | sed -n 3p)"',
                'export REVIEW_URL="https://$AWS_REGION.console.aws.amazon.com/s3/object/$BUCKET'
                '?region=$AWS_REGION&prefix=$REPORT"',
            ],
            role=self._role(
                f"Review-{stage}",
                f"Reviews what would change in {stage}.",
                writes=f"{report}*",
                may=may,
            ),
        )

    def _role(
        self,
        construct_id: str,
        description: str,
        *,
        writes: str | None = None,
        may: Permissions | None = None,
    ) -> iam.IRole:
        """A role that may read all artifacts and write some."""
        role = ServiceRole(
            self, construct_id, service="codebuild.amazonaws.com", description=description
        )
        bucket, key = self._artifacts.bucket, self._encryption.key_arn
        read = bucket.arn_for_objects("*")
        reasons = {read: "CodePipeline makes up the keys of artifacts; the bucket has nothing else"}
        role.add_statements(
            _allow(["s3:GetObject", "s3:GetObjectVersion"], read),
            _allow(["s3:GetBucketAcl", "s3:GetBucketLocation"], bucket.bucket_arn),
            _allow(["kms:Decrypt"], key),
            # The group's ARN ends with `:*`: its streams.
            _allow(["logs:CreateLogStream", "logs:PutLogEvents"], self._logs.log_group_arn),
        )
        if writes is not None:
            written = bucket.arn_for_objects(writes)
            reasons.setdefault(written, "Reports are numbered by the builds that write them")
            role.add_statements(
                _allow(["s3:PutObject"], written), _allow(["kms:GenerateDataKey"], key)
            )
        for arn, reason in reasons.items():
            acknowledge_wildcard(role, arn, reason)
        if may is not None:
            assert role.policy is not None
            may.add_to(role.policy)
        return role.role


def _allow(actions: Sequence[str], resource: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=actions, resources=[resource])
