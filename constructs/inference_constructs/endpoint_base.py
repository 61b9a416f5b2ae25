"""`EndpointBase`: what endpoints of every kind have in common."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from aws_cdk import CfnTag, Names, RemovalPolicy, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from inference_constructs.acknowledgements import acknowledge
from inference_constructs.alarms import EndpointAlarms, Processor
from inference_constructs.container_log_group import ContainerLogGroup
from inference_constructs.encryption import EncryptionKey
from inference_constructs.endpoint_logs import EndpointLogs
from inference_constructs.faults import refuse
from inference_constructs.fleet_share import Fleet
from inference_constructs.log_group_keeper import LogGroupKeeper
from inference_constructs.metrics import INSTANCES, VariantMetrics
from inference_constructs.model import InferenceModel
from inference_constructs.notifications import Notifications
from inference_constructs.rollback_alarms import RollbackAlarms
from inference_constructs.rollout import Rollout
from inference_constructs.service_role import ServiceRole
from inference_constructs.variant import NAME

if TYPE_CHECKING:
    from inference_constructs.deployment_history import DeploymentHistory


_MOST_CHARACTERS = 63
_SERVERLESS = "-serverless"


class EndpointBase(Construct):
    """Defines an endpoint's name, key, log group, permissions, tags and metrics.

    A subclass makes the endpoint's config, and then calls `_define_endpoint` once.

    The endpoint's name is literal, because alarms, scaling and the log group need it before the
    endpoint exists. The config has none, so that every change makes a new one and the endpoint
    moves over to it.

    SageMaker refuses to turn an endpoint with instances into a serverless one, and takes the other
    way only once. So a name tells the kind: another kind is another endpoint, which replaces it.

    The log group comes before the endpoint: the containers may write into it, but never make a
    group, or the service would leave one behind, without a retention, after the stack is gone.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        endpoint_name: by default derived from the construct's path.
        encryption: the key for the instances' storage and the logs; by default a new one.
        endpoint_logs: what becomes of the containers' logs.
        variant_names: the variants, as dimensions of the metrics.
        models: what serves, by the name of its variant or inference component.
        shadow_names: the shadow variants.
        faults: what a subclass found wrong with its own arguments.

    Raises:
        ValueError: names the faults, and what is wrong with the name.
    """

    name_suffix: ClassVar[str] = ""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str | None,
        encryption: EncryptionKey | None,
        endpoint_logs: EndpointLogs | None,
        variant_names: Sequence[str],
        models: Mapping[str, InferenceModel],
        shadow_names: Sequence[str] = (),
        faults: Iterable[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        self.endpoint_name = self._default_name() if endpoint_name is None else endpoint_name
        self._endpoint_logs = EndpointLogs() if endpoint_logs is None else endpoint_logs
        refuse(
            f"endpoint {self.endpoint_name!r}",
            [*self._name_faults(), *self._endpoint_logs.faults_under(encryption), *faults],
        )
        self.variant_names = tuple(variant_names)
        self.shadow_names = tuple(shadow_names)
        self._models = dict(models)
        self.encryption = EncryptionKey(self, "Encryption") if encryption is None else encryption
        self._keeper = (
            LogGroupKeeper(self, "LogKeeper", encryption=self.encryption)
            if self._endpoint_logs.removal_policy is RemovalPolicy.RETAIN
            else None
        )
        self._logs = self._make_log_group(self, f"/aws/sagemaker/Endpoints/{self.endpoint_name}")
        # Variants may share a model, and so its role.
        self._roles = list(dict.fromkeys(model.role for model in models.values()))
        for role in self._roles:
            self._allow_logs_and_metrics(role)
        self.rollback_alarms: list[cloudwatch.CfnAlarm] = []
        self.config: sagemaker.CfnEndpointConfig
        self.rollout: Rollout | None
        self.resource: sagemaker.CfnEndpoint

    @property
    def log_group(self) -> logs.ILogGroup:
        """Where the containers log."""
        return self._logs.log_group

    @cached_property
    def endpoint_config_name(self) -> str:
        """The name of the endpoint's present config, which CloudFormation makes up."""
        return self.config.attr_endpoint_config_name

    @property
    def endpoint_arn(self) -> str:
        """The endpoint's ARN."""
        return self.resource.ref

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lets someone ask the endpoint for predictions.

        That covers each of its variants: IAM has no key for `TargetVariant`.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html

        Args:
            grantee: who asks.
        """
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["sagemaker:InvokeEndpoint"],
            resource_arns=[self.endpoint_arn],
        )

    def add_alarms(
        self, alarms: EndpointAlarms, notifications: Notifications
    ) -> list[cloudwatch.CfnAlarm]:
        """Watches each variant, and tells of an update that is taken back.

        Args:
            alarms: what is watched, and its thresholds.
            notifications: where alarms and the all-clear go.

        Returns:
            The alarms of the variants; those of the rollout are in `rollback_alarms`.
        """
        notifications.allow_alarms()
        topic_arn = notifications.topic_arn
        for alarm in self.rollback_alarms:
            alarm.alarm_actions = [topic_arn]
        return [
            alarm
            for name in self.variant_names
            for alarm in alarms.attach(
                self,
                self.metrics(name),
                processor=self._processor(name),
                topic_arn=topic_arn,
            )
        ]

    @property
    def models(self) -> list[InferenceModel]:
        """The models that serve, each once."""
        return list(dict.fromkeys(self._models.values()))

    def keep_previous(
        self, deployments: int, *, removal_policy: RemovalPolicy = RemovalPolicy.DESTROY
    ) -> "DeploymentHistory":
        """Retains the configs and models of the last deployments, for a way back to them.

        Args:
            deployments: how many, beside the live one.
            removal_policy: what becomes of them when the stack goes.
        """
        from inference_constructs.deployment_history import DeploymentHistory

        return DeploymentHistory(
            self, "History", endpoint=self, keep=deployments, removal_policy=removal_policy
        )

    def metrics(self, variant_name: str | None = None) -> VariantMetrics:
        """The metrics of a variant.

        Args:
            variant_name: which; it may be left out if but one answers the callers.

        Raises:
            ValueError: there is no such variant, or more than one to choose from.
        """
        names = [*self.variant_names, *self.shadow_names]
        if variant_name is None and len(self.variant_names) == 1:
            variant_name = names[0]
        if variant_name not in names:
            given = "no name" if variant_name is None else repr(variant_name)
            raise ValueError(
                f"variant_name must be one of {', '.join(names)}, and {given} was given"
            )
        return VariantMetrics(endpoint_name=self.endpoint_name, variant_name=variant_name)

    def metric_invocations(self, variant_name: str | None = None) -> cloudwatch.Metric:
        """Requests sent to a variant's model: a number per minute."""
        return self.metrics(variant_name).invocations()

    def metric_invocation_4xx_errors(self, variant_name: str | None = None) -> cloudwatch.Metric:
        """The rate of answers blamed on the client, 0 to 1."""
        return self.metrics(variant_name).invocation_4xx_errors()

    def metric_invocation_5xx_errors(self, variant_name: str | None = None) -> cloudwatch.Metric:
        """The rate of answers blamed on the model, 0 to 1."""
        return self.metrics(variant_name).invocation_5xx_errors()

    def metric_model_latency(self, variant_name: str | None = None) -> cloudwatch.Metric:
        """The 99th percentile of what the container takes to answer, in microseconds."""
        return self.metrics(variant_name).model_latency()

    def _define_endpoint(
        self,
        config: sagemaker.CfnEndpointConfig,
        *,
        rollout: Rollout | None = None,
        fleets: Sequence[Fleet] = (),
        exclude_retained: Sequence[str] | None = None,
    ) -> None:
        """Makes the endpoint of a config; it comes after the log group and the permissions.

        Args:
            config: the config.
            rollout: how an update goes about.
            fleets: the fleets that it moves.
            exclude_retained: which variant properties an update takes from the config. None if it
                takes all of them.
        """
        self.config = config
        self.rollout = rollout
        exclude = exclude_retained
        alarm_names = []
        if rollout is not None and rollout.rollback is not None:
            self.rollback_alarms = self._make_rollback_alarms(rollout.rollback)
            alarm_names += [alarm.ref for alarm in self.rollback_alarms]
            alarm_names += [alarm.alarm_name for alarm in rollout.rollback.additional]
        self.resource = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=self.endpoint_name,
            endpoint_config_name=self.endpoint_config_name,
            # The alarms' names are references, so that the alarms come before the endpoint.
            deployment_config=None
            if rollout is None
            else rollout.deployment_config(fleets, alarm_names),
            retain_all_variant_properties=None if exclude is None else True,
            exclude_retained_variant_properties=None
            if exclude is None
            else [
                sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type=name)
                for name in exclude
            ],
            tags=[
                CfnTag(key=f"inference:{key}/{name}", value=value)
                for name, model in self._models.items()
                for key, value in model.lineage.items()
            ]
            or None,
        )
        policies = [role.policy for role in self._roles if role.policy is not None]
        self.resource.node.add_dependency(self._logs.resource, *policies)

    def _processor(self, variant_name: str) -> Processor | None:
        """What computes on an instance of a variant; without it its load is not watched.

        Args:
            variant_name: the variant.
        """
        del variant_name
        return None

    def _make_rollback_alarms(self, alarms: RollbackAlarms) -> list[cloudwatch.CfnAlarm]:
        for role in self._roles:
            alarms.allow_reading(role, endpoint_name=self.endpoint_name)
        return alarms.attach(
            self,
            endpoint_name=self.endpoint_name,
            config_name=self.endpoint_config_name,
            variants=self.variant_names,
        )

    def _default_name(self) -> str:
        name = Names.unique_resource_name(
            self,
            max_length=_MOST_CHARACTERS - len(self.name_suffix),
            separator="-",
            allowed_special_characters="-",
        )
        return f"{name}{self.name_suffix}"

    def _name_faults(self) -> list[str]:
        name = self.endpoint_name
        faults = []
        if not NAME.fullmatch(name):
            if Token.is_unresolved(name):
                return []
            faults.append("the name must be up to 63 letters, digits and inner hyphens")
        if name.endswith(_SERVERLESS) != (self.name_suffix == _SERVERLESS):
            must = "must" if self.name_suffix == _SERVERLESS else "must not"
            faults.append(
                f"the name {must} end in {_SERVERLESS!r}: SageMaker refuses to turn an endpoint "
                "with instances into a serverless one of the same name "
                "(https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html"
                "#serverless-endpoints-how-it-works-exclusions)"
            )
        return faults

    def _make_log_group(self, scope: Construct, name: str) -> ContainerLogGroup:
        return ContainerLogGroup(
            scope,
            "Logs",
            name=name,
            endpoint_logs=self._endpoint_logs,
            encryption=self.encryption,
            keeper=self._keeper,
        )

    def _allow_logs_and_metrics(self, role: ServiceRole) -> None:
        role.add_statements(
            self._logs.writing(),
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": INSTANCES}},
            ),
        )


def acknowledge_no_volume_key(config: sagemaker.CfnEndpointConfig, reason: str) -> None:
    """Lets a config without a key for its instances' storage stand.

    Args:
        config: the config.
        reason: why there is none.
    """
    acknowledge(
        config,
        "NIST.800.53.R5::NIST.800.53.R5-SageMakerEndpointConfigurationKMSKeyConfigured",
        reason,
    )
