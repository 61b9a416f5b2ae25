"""The CDK app: settings in, stacks out."""

from stacks.application import chosen_settings, new_app, plain_errors
from stacks.artifact import model_artifact
from stacks.batch import BatchInferenceStack
from stacks.realtime import RealtimeInferenceStack

with plain_errors():
    app = new_app()
    for settings in chosen_settings(app):
        artifact = model_artifact(settings)
        RealtimeInferenceStack(app, settings=settings, artifact=artifact)
        BatchInferenceStack(app, settings=settings, artifact=artifact)
    app.synth()
