"""`DeliveryStage`: the stacks of a stage, as a pipeline deploys them."""

from aws_cdk import Environment, Stage
from constructs import Construct

from stacks.artifact import model_artifact
from stacks.batch import BatchInferenceStack
from stacks.realtime import RealtimeInferenceStack
from stacks.settings import Settings


class DeliveryStage(Stage):
    """Defines the same stacks as `app.py`, under the same names.

    So a stage can go over from one to the other. Their templates differ only in the metadata that
    tells the paths of constructs, which begin with the pipeline's, and of assets, which are those
    of the whole app.

    Args:
        scope: the stack of the pipeline.
        settings: the stage's settings.
    """

    def __init__(self, scope: Construct, *, settings: Settings) -> None:
        super().__init__(
            scope,
            settings.stage,
            env=Environment(account=settings.account, region=settings.region),
        )
        artifact = model_artifact(settings)
        self.realtime = RealtimeInferenceStack(self, settings=settings, artifact=artifact)
        BatchInferenceStack(self, settings=settings, artifact=artifact)
