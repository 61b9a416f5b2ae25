"""What is known of tuning jobs. Nothing is trained here: jobs are recorded.

A training job belongs to the tuning job whose name, and a hyphen, its own begins with, as SageMaker
names them. Its tag `local-aws:objective` records the value that it reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

OBJECTIVE_TAG = "local-aws:objective"
# moto answers with constants for them.
_INVENTED = (
    "BestTrainingJob",
    "OverallBestTrainingJob",
    "TuningJobCompletionDetails",
    "ConsumedResources",
)


def describe(answer: Mapping[str, Any], training_jobs: Iterable[Any]) -> dict[str, Any]:
    """As DescribeHyperParameterTuningJob shows it.

    Args:
        answer: what moto answers.
        training_jobs: all training jobs that moto remembers.

    Returns:
        The answer with the training jobs that were really recorded, and the best of them.
    """
    name, config = answer["HyperParameterTuningJobName"], answer["HyperParameterTuningJobConfig"]
    mine = [job for job in training_jobs if job.training_job_name.startswith(f"{name}-")]
    scored = {job.training_job_name: (value, job) for job in mine if (value := _value(job))}
    described = {key: value for key, value in answer.items() if key not in _INVENTED}
    described["TrainingJobStatusCounters"] = {
        "Completed": len(mine),
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 0,
        "Stopped": 0,
    }
    described["ObjectiveStatusCounters"] = {
        "Succeeded": len(scored),
        "Pending": 0,
        "Failed": len(mine) - len(scored),
    }
    objective = config.get("HyperParameterTuningJobObjective")
    if objective and scored:
        choose = max if objective["Type"] == "Maximize" else min
        best = choose(scored, key=lambda job: float(scored[job][0]))
        described["BestTrainingJob"] = _summary(scored[best][1], objective, scored[best][0])
    return described


def _value(job: Any) -> str | None:
    found = {tag["Key"]: tag["Value"] for tag in job.tags}
    return found.get(OBJECTIVE_TAG)


def _summary(job: Any, objective: Mapping[str, str], value: str) -> dict[str, Any]:
    return {
        "TrainingJobName": job.training_job_name,
        "TrainingJobArn": job.arn,
        "CreationTime": job.creation_time,
        "TrainingStartTime": job.training_start_time,
        "TrainingEndTime": job.training_end_time,
        "TrainingJobStatus": job.training_job_status,
        "TunedHyperParameters": job.hyper_parameters or {},
        "FinalHyperParameterTuningJobObjectiveMetric": {
            "Type": objective["Type"],
            "MetricName": objective["MetricName"],
            "Value": float(value),
        },
        "ObjectiveStatus": "Succeeded",
    }
