"""What keeps a template the same when its stack moves into a stage, such as that of a pipeline."""

from aws_cdk import Stage
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
