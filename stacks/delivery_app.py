"""The stacks of the app `delivery.py`."""

from aws_cdk import App

from stacks.delivery import DeliveryPipelineStack
from stacks.delivery_settings import DeliverySettings, stages_of
from stacks.github import GitHubAccessStack


def define_delivery(app: App, settings: DeliverySettings) -> None:
    """Defines what the settings ask for: a pipeline, roles for GitHub, or both.

    Args:
        app: the app.
        settings: the settings of the delivery.

    Raises:
        SettingsError: a stage is unknown, its file is wrong, or it is elsewhere.
    """
    stages = stages_of(settings)
    if settings.pipeline is not None:
        DeliveryPipelineStack(app, settings=settings, pipeline=settings.pipeline, stages=stages)
    if settings.github is not None:
        for stage in stages:
            GitHubAccessStack(app, settings=settings, github=settings.github, stage=stage)
