"""moto's SageMaker backend with hosting that is real.

Everything else, such as training jobs and model packages, stays as moto keeps it; transform jobs
are left to whoever registers their operations.
"""

from __future__ import annotations

from typing import Any, ClassVar, cast

from moto.sagemaker.models import SageMakerModelBackend

from local_aws.cloud import Cloud
from local_aws.sagemaker import tuning
from local_aws.sagemaker.errors import missing
from local_aws.sagemaker.hosting import Hosting


class LiveSageMakerBackend(SageMakerModelBackend):
    """One account and region. moto's own operations see the models and endpoints of `hosting`."""

    # moto finds a backend's URLs by the name of the module that its class is in.
    __module__ = "moto.sagemaker.models"

    cloud: ClassVar[Cloud]

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.hosting = Hosting(
            self.cloud,
            account_id=account_id,
            region_name=region_name,
            partition=self.partition,
            check_package=self.describe_model_package,
        )
        # Resource policies of model package groups, by the group's ARN.
        self.group_policies: dict[str, str] = {}
        # Tags, lists and tagged resources are moto's: it reads the attributes that ours have too.
        self._models = cast(Any, self.hosting.models)
        self.endpoint_configs = cast(Any, self.hosting.endpoint_configs)
        self.endpoints = cast(Any, self.hosting.endpoints)

    def describe_hyper_parameter_tuning_job(
        self, hyper_parameter_tuning_job_name: str
    ) -> dict[str, Any]:
        """As moto does, with the best of the training jobs that were recorded."""
        answer = super().describe_hyper_parameter_tuning_job(hyper_parameter_tuning_job_name)
        return tuning.describe(answer, self.training_jobs.values())

    def add_tags(self, arn: str, tags: list[dict[str, str]]) -> list[dict[str, str]]:
        """AddTags: a key that is there gets the new value, where moto would keep both."""
        resource = self._get_resource_from_arn(arn)
        keys = {tag["Key"] for tag in tags}
        kept = [tag for tag in resource.tags or [] if tag["Key"] not in keys]
        resource.tags = [*kept, *tags]
        found: list[dict[str, str]] = resource.tags
        return found

    def _get_resource_from_arn(self, arn: str) -> Any:
        """What tags are kept on; moto does not find model packages and components."""
        kind, _, name = arn.split(":", 5)[-1].partition("/")
        if kind == "model-package":
            return self.describe_model_package(arn)
        if kind == "inference-component":
            return self.hosting.components.find(name)
        found = super()._get_resource_from_arn(arn)
        if found is None:
            raise missing(kind.replace("-", " "), arn)
        return found
