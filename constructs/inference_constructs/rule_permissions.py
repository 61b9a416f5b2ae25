"""What lets rules of EventBridge call their functions, under names that stay."""

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_


def name_permissions(rule: events.Rule) -> None:
    """Names what lets a rule call its function after the rule.

    The CDK names it after the function's whole path, so that it would be another resource where the
    stack is in a stage.

    Args:
        rule: the rule, with its one target.
    """
    resource = rule.node.default_child
    assert isinstance(resource, events.CfnRule)
    for child in rule.node.children:
        if isinstance(child, lambda_.CfnPermission):
            child.override_logical_id(f"{Stack.of(rule).get_logical_id(resource)}Permission")
