"""EventBridge rules that reach their targets; moto knows queues, log groups and buses only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.events.models import EventsBackend, Rule
from moto.utilities.arns import parse_arn

from local_aws.cloudwatch.publish import publish
from local_aws.events.delivery import Courier, Delivery
from local_aws.events.expressions import ExpressionError, parse
from local_aws.events.inputs import payload

SERVICE = "events.amazonaws.com"


def install(courier: Courier) -> None:
    """Let rules deliver with ``courier``."""

    def send_to_targets(rule: Any, original_event: Any, transform_input: bool = True) -> None:
        """Called by moto for every event of the rule's bus."""
        del transform_input
        # A rule with a schedule only has no pattern, and no event matches it.
        if rule.state != "ENABLED" or not rule.event_pattern.get_pattern():
            return
        if rule.event_pattern.matches_event(original_event):
            deliver(courier, rule, original_event)

    stock_put_rule = EventsBackend.put_rule

    def put_rule(backend: Any, *given: Any, **named: Any) -> Any:
        expression = named.get("scheduled_expression")
        if expression is not None:
            _check(expression)
        return stock_put_rule(backend, *given, **named)

    for owner, function in ((Rule, send_to_targets), (EventsBackend, put_rule)):
        setattr(owner, function.__name__, function)


def deliver(courier: Courier, rule: Any, event: Any) -> None:
    """Send an event to all targets of a rule."""
    shown = _shown(event, rule)
    dimensions = {"RuleName": rule.name}
    for metric in ("MatchedEvents", "TriggeredRules"):
        publish("AWS/Events", metric, dimensions, 1, "Count")
    for target in list(rule.targets):
        arn = parse_arn(target["Arn"])
        if arn.service == "logs":
            rule._send_to_cw_log_group(arn.resource_id, dict(shown) | {"time": _seconds(event)})
            continue
        if arn.service == "events" and not arn.resource_type:
            # An archive's own rule.
            archive = event["archive-arn"]
            rule._send_to_events_archive(parse_arn(archive).resource_id, event)
            continue
        publish("AWS/Events", "Invocations", dimensions, 1, "Count")
        courier.post(
            Delivery(
                service=SERVICE,
                source_arn=rule.arn,
                target=target,
                payload=payload(target, shown, rule_arn=rule.arn),
            )
        )


def scheduled_event(rule: Any, due: datetime) -> dict[str, Any]:
    """The event of a rule with a schedule."""
    return {
        "version": "0",
        "id": f"{rule.name}-{int(due.timestamp())}",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": rule.account_id,
        "time": due.timestamp(),
        "region": rule.region_name,
        "resources": [rule.arn],
        "detail": {},
    }


def _shown(event: Any, rule: Any) -> dict[str, Any]:
    time = datetime.fromtimestamp(_seconds(event), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    own = {"version", "id", "detail-type", "source", "account", "region", "resources", "detail"}
    shown = {name: value for name, value in event.items() if name in own}
    return {**shown, "account": shown.get("account") or rule.account_id, "time": time}


def _seconds(event: Any) -> float:
    value = event["time"]
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value)
    except ValueError:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()


def _check(expression: str) -> None:
    from moto.events.exceptions import ValidationException

    try:
        parse(expression)
    except ExpressionError as error:
        raise ValidationException("Parameter ScheduleExpression is not valid.") from error
