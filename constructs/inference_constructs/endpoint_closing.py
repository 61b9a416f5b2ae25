"""`EndpointClosing`: deletes an endpoint after hours, and makes it again before the next."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Aws, CustomResource, Duration, Names, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from inference_constructs.business_hours import BusinessHours
from inference_constructs.durations import range_fault
from inference_constructs.endpoint_base import EndpointBase
from inference_constructs.endpoint_scaling import EndpointScaling
from inference_constructs.faults import refuse
from inference_constructs.late import late
from inference_constructs.notifications import Notifications
from inference_constructs.office_hours_definition import OfficeHoursDefinition
from inference_constructs.office_hours_permissions import OfficeHoursPermissions
from inference_constructs.python_function import PythonFunction
from inference_constructs.service_role import ServiceRole
from inference_constructs.state_machine_permissions import allow_state_machine

_DAY_SECONDS = 24 * 3600
# A request is written into the state machine's definition.
_MOST_GOLDEN_BYTES = 8192


@dataclass(frozen=True, kw_only=True)
class GoldenRequest:
    """A request that a healthy endpoint answers.

    Attributes:
        body: the request's body, up to 8 KB of text.
        content_type: its media type.
    """

    body: str
    content_type: str = "text/csv"

    def __post_init__(self) -> None:
        """Refuses a request that there is no room for.

        Raises:
            ValueError: the body is empty or too long.
        """
        size = len(self.body.encode())
        if not 1 <= size <= _MOST_GOLDEN_BYTES:
            raise ValueError(
                f"golden request: the body must have 1 to {_MOST_GOLDEN_BYTES} bytes, not {size}"
            )


@dataclass(frozen=True, kw_only=True)
class Reopening:
    """How an endpoint that was deleted comes back.

    Attributes:
        lead: how long before the hours it is made again; it takes minutes until it serves.
        give_up_after: for how long starts that fail are repeated. Who is subscribed is told of the
            first failure and of giving up.
        after_deployment: how long a deployment outside of the hours leaves it open, for a look.
        golden_request: what it must answer in the end; by default nothing is asked.
    """

    lead: Duration = field(default_factory=lambda: Duration.minutes(15))
    give_up_after: Duration = field(default_factory=lambda: Duration.hours(2))
    after_deployment: Duration = field(default_factory=lambda: Duration.minutes(30))
    golden_request: GoldenRequest | None = None

    def __post_init__(self) -> None:
        """Refuses times that make no sense.

        Raises:
            ValueError: names all that is wrong.
        """
        faults = [
            *range_fault("lead", self.lead, 0, 12 * 3600),
            *range_fault("give_up_after", self.give_up_after, 600, _DAY_SECONDS // 2),
            *range_fault("after_deployment", self.after_deployment, 0, _DAY_SECONDS // 2),
        ]
        if self.lead.is_unresolved() or self.give_up_after.is_unresolved():
            faults.append("lead and give_up_after must be known at synth")
        refuse("reopening", faults)


class EndpointClosing(Construct):
    """Defines the state machine that deletes and makes an endpoint again, and who starts it.

    A closed endpoint does not exist: whoever calls it gets SageMaker's ValidationError. Its config,
    its models and its logs stay. What the template does not tell is kept in two SSM parameters that
    belong to no template: what the hours say, and the config, tags and deployment config that the
    endpoint had. Scalable targets, policies and schedules are withdrawn, and put back by their
    owner. Alarms are quiet meanwhile, because those of this library take missing data for good.

    CloudFormation would fail to update an endpoint that is not there. So a custom resource changes
    whenever the endpoint, its config or its models change in the template, and comes before all of
    them: a deployment that changes a closed endpoint opens it first, as it was, and closes it again
    when it is through, or has been rolled back. A closing waits until no deployment is under way. A
    stack that is deleted needs no endpoint. A new stack is open until its first closing.

    An execution can be started by hand: `{"action": "open"}` opens it until the next closing, and
    `{"action": "close"}` closes it until the next opening.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        endpoint: the endpoint, in the same stack.
        hours: when it is needed.
        notifications: who is told when something is wrong.
        scaling: what scales the endpoint, if anything does.
        reopening: how it comes back.
        log_retention: how long the logs are kept.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint: EndpointBase,
        hours: BusinessHours,
        notifications: Notifications,
        scaling: EndpointScaling | None = None,
        reopening: Reopening | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        super().__init__(scope, construct_id)
        self._endpoint = endpoint
        self._encryption = endpoint.encryption
        self._log_retention = log_retention
        self.reopening = reopening = Reopening() if reopening is None else reopening
        self._parameters = f"/inference/office-hours/{Names.unique_resource_name(self)}"
        self._permissions = OfficeHoursPermissions(
            endpoint_name=endpoint.endpoint_name,
            parameters=self._parameters,
            encryption=self._encryption,
        )
        self.worker = self._function("Worker", "steps", "Closes and opens the endpoint.")
        self._permissions.allow_work(self.worker.role, invoke=reopening.golden_request is not None)
        self.state_machine = self._state_machine(notifications, scaling)
        self.gate = self._function("Gate", "gate", "Opens the endpoint before it is changed.")
        self._permissions.allow_gate(
            self.gate.role, state_machine_arn=self.state_machine.state_machine_arn
        )
        self._open_before_changes()
        after = self._custom_resource("After", {})
        after.node.add_dependency(endpoint.resource)
        self._schedule(hours, notifications, after)

    def _function(self, construct_id: str, module: str, description: str) -> PythonFunction:
        return PythonFunction(
            self,
            construct_id,
            handler=f"office_hours.{module}.handler",
            description=description,
            encryption=self._encryption,
            # A golden request may take a minute by itself.
            timeout=Duration.minutes(3),
            log_retention=self._log_retention,
        )

    def _state_machine(
        self, notifications: Notifications, scaling: EndpointScaling | None
    ) -> sfn.StateMachine:
        role = ServiceRole(
            self,
            "Role",
            service="states.amazonaws.com",
            description="Runs the office hours of one endpoint.",
        )
        functions = [self.worker.function, *([] if scaling is None else [scaling.function])]
        role.add_statements(
            iam.PolicyStatement(
                actions=["lambda:InvokeFunction"],
                resources=[function.function_arn for function in functions],
            )
        )
        allow_state_machine(role, encryption=self._encryption)
        notifications.grant_publish(role.grantee)
        self._encryption.allow_logs()
        log_group = logs.LogGroup(
            self,
            "Logs",
            encryption_key=self._encryption.key,
            retention=self._log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        definition = OfficeHoursDefinition(
            endpoint_name=self._endpoint.endpoint_name,
            worker=self.worker.function,
            settings=self._settings(),
            scaling=scaling,
            linger=self.reopening.after_deployment,
            topic=notifications.topic,
        )
        machine = sfn.StateMachine(
            self,
            "StateMachine",
            definition_body=sfn.DefinitionBody.from_chainable(
                definition.build(Construct(self, "States"))
            ),
            role=role.role,
            # Longer than any wait of its own.
            timeout=Duration.days(1),
            logs=sfn.LogOptions(
                destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=True
            ),
            tracing_enabled=True,
            encryption_configuration=sfn.CustomerManagedEncryptionConfiguration(
                self._encryption.key
            ),
        )
        role.ready_before(machine)
        return machine

    def _settings(self) -> dict[str, Any]:
        golden = self.reopening.golden_request
        settings: dict[str, Any] = {
            "endpoint": self._endpoint.endpoint_name,
            "parameters": self._parameters,
            "stack": Aws.STACK_ID,
            "give_up_after": self.reopening.give_up_after.to_seconds(),
        }
        if golden is not None:
            settings["golden"] = {"Body": golden.body, "ContentType": golden.content_type}
        return settings

    def _custom_resource(self, construct_id: str, more: dict[str, Any]) -> CustomResource:
        resource = CustomResource(
            self,
            construct_id,
            resource_type="Custom::OfficeHours",
            service_token=self.gate.function.function_arn,
            properties={
                "Position": construct_id,
                "EndpointName": self._endpoint.endpoint_name,
                "Parameters": self._parameters,
                "StateMachine": self.state_machine.state_machine_arn,
                **more,
            },
        )
        self.gate.role.ready_before(resource)
        return resource

    def _open_before_changes(self) -> None:
        """Has CloudFormation open the endpoint before it changes anything that it is made of."""
        before = self._custom_resource("Before", {"EndpointDigest": late(self._digest)})
        self._endpoint.resource.node.add_dependency(before)
        for model in self._endpoint.models:
            # The old model is loaded once more, with the rights that the role has until then.
            if model.role.policy is not None:
                model.role.policy.node.add_dependency(before)

    def _digest(self) -> str:
        """Another one whenever CloudFormation is going to update the endpoint."""
        stack = Stack.of(self)
        models = [
            child
            for model in self._endpoint.models
            for child in model.node.find_all()
            if isinstance(child, sagemaker.CfnModel)
        ]
        resources = [self._endpoint.resource, self._endpoint.config, *models]
        properties = [
            stack.resolve(resource._render_properties(resource._cfn_properties))
            for resource in resources
        ]
        # CloudFormation gives the stack's own tags to the endpoint as well.
        content = json.dumps([properties, stack.tags.tag_values()], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def _schedule(
        self, hours: BusinessHours, notifications: Notifications, after: CustomResource
    ) -> None:
        role = ServiceRole(
            self,
            "SchedulerRole",
            service="scheduler.amazonaws.com",
            description="Starts the office hours of one endpoint.",
        )
        arn = self.state_machine.state_machine_arn
        self._permissions.allow_starting(role, state_machine_arn=arn)
        group = scheduler.CfnScheduleGroup(self, "Schedules")
        lead = int(self.reopening.lead.to_minutes())
        for construct_id, action, expression in (
            ("Opening", "open", hours.opening(minutes_before=lead)),
            ("Closing", "close", hours.closing()),
        ):
            schedule = scheduler.CfnSchedule(
                self,
                construct_id,
                group_name=group.ref,
                schedule_expression=expression,
                schedule_expression_timezone=hours.time_zone.timezone_name,
                flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
                target=scheduler.CfnSchedule.TargetProperty(
                    arn=arn,
                    role_arn=role.role_arn,
                    input=f'{{"action":"{action}"}}',
                    retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                        # A closing that comes hours late would come when the endpoint is needed.
                        maximum_event_age_in_seconds=3600,
                        maximum_retry_attempts=30,
                    ),
                ),
            )
            role.ready_before(schedule)
            # Deleted first of all, so that nothing starts any more.
            schedule.node.add_dependency(after)
        self.alarms = self._alarms(notifications, group)

    def _alarms(
        self, notifications: Notifications, group: scheduler.CfnScheduleGroup
    ) -> list[cloudwatch.Alarm]:
        notifications.allow_alarms()
        machine, name = self.state_machine, self._endpoint.endpoint_name
        watched = {
            "Failed": (machine.metric_failed(), "failed"),
            "TimedOut": (machine.metric_timed_out(), "took longer than a day"),
            "Aborted": (machine.metric_aborted(), "was stopped by hand"),
            # https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
            "Dropped": (
                cloudwatch.Metric(
                    namespace="AWS/Scheduler",
                    metric_name="InvocationDroppedCount",
                    dimensions_map={"ScheduleGroup": group.ref},
                    statistic=cloudwatch.Stats.SUM,
                ),
                "could not be started",
            ),
        }
        scope = Construct(self, "Alarms")
        alarms = []
        for construct_id, (metric, meaning) in watched.items():
            alarm = metric.create_alarm(
                scope,
                construct_id,
                alarm_description=f"The closing or opening of {name} {meaning}.",
                threshold=1,
                evaluation_periods=1,
                comparison_operator=(
                    cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
                ),
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            alarm.add_alarm_action(actions.SnsAction(notifications.topic))
            alarms.append(alarm)
        return alarms
