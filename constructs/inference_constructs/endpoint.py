"""`RealtimeEndpoint`: a SageMaker endpoint whose variants run on instances."""

from collections.abc import Sequence

from aws_cdk import Names, RemovalPolicy, Tags, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from inference_constructs.acknowledgements import acknowledge
from inference_constructs.alarms import EndpointAlarms
from inference_constructs.encryption import EncryptionKey
from inference_constructs.faults import refuse
from inference_constructs.metrics import INSTANCES, VariantMetrics
from inference_constructs.notifications import Notifications
from inference_constructs.variant import NAME, ProductionVariant
from inference_constructs.variant_scaling import VariantScaling

_MOST_VARIANTS = 10


class RealtimeEndpoint(Construct):
    """Defines an endpoint, its config, its log group and the scaling of its variants.

    The endpoint's name is literal, because alarms, scaling and the log group need it before the
    endpoint exists. The config has none, so that every change makes a new one and the endpoint
    moves over to it. Where a variant is scaled, an update keeps the number of instances that it has
    by then; the weights always come from the code.

    The log group belongs to the stack: the containers may write into it, but never make a group, or
    the service would leave one behind, without a retention, after the stack is gone.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        variants: the variants, with different names and not all of weight 0.
        encryption: the key for the instances' storage and the logs; by default a new one.
        endpoint_name: by default derived from the construct's path.
        log_retention: how long the containers' logs are kept.
        log_removal_policy: what happens to the logs when the stack goes.

    Raises:
        ValueError: names all that is wrong with the variants or the name.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        variants: Sequence[ProductionVariant],
        encryption: EncryptionKey | None = None,
        endpoint_name: str | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
        log_removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
    ) -> None:
        super().__init__(scope, construct_id)
        self.variants = tuple(variants)
        self.endpoint_name = (
            Names.unique_resource_name(
                self, max_length=63, separator="-", allowed_special_characters="-"
            )
            if endpoint_name is None
            else endpoint_name
        )
        refuse(f"endpoint {self.endpoint_name!r}", self._faults())
        self.encryption = EncryptionKey(self, "Encryption") if encryption is None else encryption
        self.log_group = self._log_group(log_retention, log_removal_policy)
        self._config = self._endpoint_config()
        self._endpoint = self._make_endpoint()
        for variant in self.variants:
            if variant.scaling is not None:
                scaling = VariantScaling(
                    self,
                    f"{variant.name}Scaling",
                    endpoint_name=self.endpoint_name,
                    variant_name=variant.name,
                    scaling=variant.scaling,
                )
                scaling.node.add_dependency(self._endpoint)

    @property
    def endpoint_arn(self) -> str:
        """The endpoint's ARN."""
        return self._endpoint.ref

    @property
    def endpoint_config_name(self) -> str:
        """The name of the endpoint's present config, which CloudFormation makes up."""
        return self._config.attr_endpoint_config_name

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lets someone ask the endpoint for predictions.

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
    ) -> list[cloudwatch.Alarm]:
        """Watches each variant.

        Args:
            alarms: what is watched, and its thresholds.
            notifications: where alarms and the all-clear go.

        Returns:
            The alarms.
        """
        scope = Construct(self, "Alarms")
        return [
            alarm
            for variant in self.variants
            for alarm in alarms.attach(
                scope, variant, self.metrics(variant.name), notifications=notifications
            )
        ]

    def metrics(self, variant_name: str | None = None) -> VariantMetrics:
        """The metrics of a variant.

        Args:
            variant_name: which; it may be left out if there is only one.

        Raises:
            ValueError: there is no such variant, or more than one to choose from.
        """
        names = [variant.name for variant in self.variants]
        if variant_name is None and len(names) == 1:
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

    def _faults(self) -> list[str]:
        faults = []
        if not Token.is_unresolved(self.endpoint_name) and not NAME.fullmatch(self.endpoint_name):
            faults.append("the name must be up to 63 letters, digits and inner hyphens")
        if not 1 <= len(self.variants) <= _MOST_VARIANTS:
            faults.append(
                f"between 1 and {_MOST_VARIANTS} variants are needed, not {len(self.variants)}"
            )
        names = [variant.name for variant in self.variants]
        faults += [
            f"{names.count(name)} variants are called {name!r}: give each a name of its own"
            for name in sorted(set(names))
            if names.count(name) > 1
        ]
        if self.variants and all(variant.weight == 0 for variant in self.variants):
            faults.append("every variant has weight 0: one at least must get traffic")
        return faults

    def _log_group(
        self, retention: logs.RetentionDays, removal_policy: RemovalPolicy
    ) -> logs.LogGroup:
        self.encryption.allow_logs()
        group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/sagemaker/Endpoints/{self.endpoint_name}",
            encryption_key=self.encryption.key,
            retention=retention,
            removal_policy=removal_policy,
        )
        # Variants may share a model, and so its role.
        for role in dict.fromkeys(variant.model.role for variant in self.variants):
            group.grant_write(role.grantee)
            role.add_statements(
                iam.PolicyStatement(
                    actions=["cloudwatch:PutMetricData"],
                    resources=["*"],
                    conditions={"StringEquals": {"cloudwatch:namespace": INSTANCES}},
                )
            )
        return group

    def _endpoint_config(self) -> sagemaker.CfnEndpointConfig:
        local_storage = any(variant.has_local_storage for variant in self.variants)
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[variant.definition() for variant in self.variants],
            kms_key_id=None if local_storage else self.encryption.key_arn,
        )
        if local_storage:
            acknowledge(
                config,
                "NIST.800.53.R5::NIST.800.53.R5-SageMakerEndpointConfigurationKMSKeyConfigured",
                "SageMaker refuses a key for instances with local NVMe disks, which their hardware "
                "encrypts",
            )
        return config

    def _make_endpoint(self) -> sagemaker.CfnEndpoint:
        scaled = any(variant.scaling is not None for variant in self.variants)
        endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=self.endpoint_name,
            endpoint_config_name=self.endpoint_config_name,
            # Without this an update would set a scaled-out fleet back to its initial size.
            retain_all_variant_properties=True if scaled else None,
            exclude_retained_variant_properties=[
                sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DesiredWeight")
            ]
            if scaled
            else None,
        )
        endpoint.node.add_dependency(self.log_group)
        for variant in self.variants:
            variant.model.role.ready_before(endpoint)
            for key, value in variant.model.lineage.items():
                Tags.of(endpoint).add(f"inference:{key}/{variant.name}", value)
        return endpoint
