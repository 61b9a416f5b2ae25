"""What keeps a template the same when its stack moves into a stage, such as that of a pipeline."""

from aws_cdk import Stack, Stage
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from constructs import IConstruct


def path_in_stage(construct: IConstruct) -> str:
    """The path of a construct without the stage that its stack is in.

    Descriptions and tags hold it: a managed policy is replaced when its description changes, and
    what an endpoint left behind is found by its tag.

    Args:
        construct: the construct.
    """
    stage = Stage.of(construct)
    before = "" if stage is None else stage.node.path
    return construct.node.path.removeprefix(before).removeprefix("/")


def name_permissions(rule: events.Rule) -> None:
    """Names what lets a rule call its function after the rule.

    The CDK names it after the function's whole path, with the stage.

    Args:
        rule: the rule, with its one target.
    """
    resource = rule.node.default_child
    assert isinstance(resource, events.CfnRule)
    for child in rule.node.children:
        if isinstance(child, lambda_.CfnPermission):
            child.override_logical_id(f"{Stack.of(rule).get_logical_id(resource)}Permission")
