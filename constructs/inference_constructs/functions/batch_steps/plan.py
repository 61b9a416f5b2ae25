"""Plans a run: what it reads, whether it may run, which job gets what, with which model.

The plan is kept in S3, because lists of objects do not fit between states.
"""

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.exceptions import ClientError

from ..batch_checks.locations import Location
from ..batch_checks.request import Request, RequestError, checked, understand
from ..batch_checks.transform_job import container_faults, option
from .claims import RUNNING, Claims, data_key
from .copies import without_headers
from .estimates import check_limits, estimate
from .inputs import THREADS, Inputs, check_target, checked_inputs, find_inputs, refusals, stored
from .run_folder import RunFolder, digest, exists, read_json, run_id, shard_file, sizes_file
from .shards import cut

# What of a Model makes another one of it; the rest is the service's.
_MODEL_FIELDS = ("PrimaryContainer", "ExecutionRoleArn", "EnableNetworkIsolation", "VpcConfig")
# What a re-run does not inherit.
_ONCE = ("force", "overwrite")
VERSION = "INFERENCE_MODEL_VERSION"


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answers the state machine's first task.

    Args:
        event: `request` (the execution's input), `execution` (`Id`, `Name`, `StartTime`), and
            `workflow`, what the workflow was deployed with.
        context: Lambda's context; unused.

    Returns:
        `decision`: `run`, with the `run` and its first `shard`; `attach`, if the same data is being
        run, or `skip`, if it has been, with the `claim` that says by whom and where.

    Raises:
        RequestError: with everything that is wrong.
    """
    return Planner(event).plan()


class Planner:
    """Plans the run of one execution.

    Args:
        event: as `handler` gets it.
    """

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._asked = checked(event["request"])
        self._workflow = event["workflow"]
        self._execution = event["execution"]
        self._s3 = boto3.client("s3")
        self._sagemaker = boto3.client("sagemaker")
        self._claims = Claims(
            os.environ["CLAIMS_TABLE"],
            dynamodb=boto3.client("dynamodb"),
            states=boto3.client("stepfunctions"),
        )
        self._folder = RunFolder.of(self._s3, self._workflow["output"], self._execution["Id"])

    def plan(self) -> dict[str, Any]:
        """Makes the plan; see `handler`."""
        model = self._sagemaker.describe_model(ModelName=self._workflow["model"])
        artifact = digest(json.dumps(model["PrimaryContainer"], sort_keys=True))
        if "rerun" in self._asked:
            asked, request, inputs = self._rerun(artifact)
        else:
            asked = self._asked
            request = understand(asked, self._workflow, self._execution["Name"])
            inputs = find_inputs(self._s3, request)
        environment = model["PrimaryContainer"].get("Environment", {})
        if faults := list(container_faults(request.job, environment)):
            raise RequestError("; ".join(faults))
        shards = list(
            cut(
                inputs.objects,
                shard_mb=request.options["shard_mb"],
                shard_objects=request.options["shard_objects"],
            )
        )
        facts = self._workflow["instance_types"][option(request.job, "instance_type")]
        found = estimate(
            size=inputs.size,
            shards=len(shards),
            instances=option(request.job, "instance_count"),
            concurrent_jobs=request.options["concurrent_jobs"],
            given=request.options,
            measured=self._claims.throughput(throughput_name(artifact, request.job)),
            price=facts.get("hourly_price_usd"),
        )
        check_limits(found, request.options)
        key = data_key(inputs.objects, artifact=artifact, options=_what_counts(request))
        output = str(request.target)
        standing = self._claims.claim(
            key, execution=self._execution["Id"], output=output, force=request.force
        )
        if standing is not None and standing.state != RUNNING and self._is_gone(standing.output):
            standing = self._claims.claim(
                key, execution=self._execution["Id"], output=output, force=True
            )
        if standing is not None:
            return {
                "decision": "attach" if standing.state == RUNNING else "skip",
                "claim": {"execution": standing.execution, "output": standing.output},
            }
        # After the claim: whoever runs the same data writes to the same place.
        if "rerun" not in self._asked:
            check_target(self._s3, request)
        place = inputs.base
        if inputs.headers:
            place = without_headers(self._s3, inputs, self._folder.location("inputs/"))
        listed = self._write_shards(inputs, shards, place)
        name = f"{self._workflow['job_name_prefix']}-{run_id(self._execution['Id'])}"
        self._folder.write(
            "plan.json",
            {
                "execution": self._execution["Id"],
                "started": self._execution["StartTime"],
                "request": self._asked,
                "effective_request": {k: v for k, v in asked.items() if k not in _ONCE},
                "key": key,
                "input": str(request.source),
                "base": str(inputs.base),
                "read_from": str(place),
                "output": output,
                "model": name,
                "model_version": _version(model["PrimaryContainer"]),
                "artifact": artifact,
                "objects": len(inputs.objects),
                "bytes": inputs.size,
                "headers": len(inputs.headers),
                "shards": len(shards),
                "options": request.options,
                "job": request.job,
                "hourly_price_usd": request.options["hourly_price_usd"]
                or facts.get("hourly_price_usd"),
                "estimate": found.to_json(),
            },
        )
        self._make_model(name, model)
        shards_file = self._folder.location("shards.json")
        return {
            "decision": "run",
            "shard": listed[0],
            "run": {
                "execution": self._execution["Id"],
                "model": name,
                "output": output,
                "objects": len(inputs.objects),
                "bytes": inputs.size,
                "shards": len(shards),
                "shards_bucket": shards_file.bucket,
                "shards_key": shards_file.key,
                "concurrent_jobs": request.options["concurrent_jobs"],
                "timeout_seconds": request.options["timeout_minutes"] * 60,
                "job": request.job,
                "estimate": found.to_json(),
            },
        }

    def _rerun(self, artifact: str) -> tuple[dict[str, Any], Request, Inputs]:
        """Reads what failed in an earlier run, with the options that it had."""
        place = Location.parse(self._asked["rerun"])
        if not place.within(Location.parse(self._workflow["output"])):
            raise RequestError(f"rerun {place} is not within {self._workflow['output']}")
        with refusals("rerun", place):
            failed = read_json(self._s3, place)
        if not isinstance(failed, dict) or "inputs" not in failed:
            raise RequestError(f"rerun {place}: expected the _failed.json of an earlier run")
        if not failed["inputs"]:
            raise RequestError(f"rerun {place}: nothing failed there")
        given = {name: value for name, value in self._asked.items() if name != "rerun"}
        asked = {**failed["request"], **given, "input": failed["input"], "output": failed["output"]}
        request = understand(asked, self._workflow, self._execution["Name"])
        if failed["artifact"] != artifact and not request.force:
            raise RequestError(
                f"the model is another one now; what succeeded was made by version "
                f'{failed["model_version"]}: ask for {{"force": true}} to mix them, or run all anew'
            )
        with refusals("input", request.source):
            names = [entry["name"] for entry in failed["inputs"]]
            inputs = stored(self._s3, Location.parse(failed["base"]), names)
            return asked, request, checked_inputs(self._s3, request, inputs)

    def _is_gone(self, output: str) -> bool:
        """Whether somebody deleted the result that a claim tells of."""
        place = Location.parse(output)
        return not exists(self._s3, Location(place.bucket, f"{place.key}_SUCCESS"))

    def _write_shards(
        self, inputs: Inputs, shards: list[list[Any]], place: Location
    ) -> list[dict[str, Any]]:
        def write(number: int) -> dict[str, Any]:
            objects = shards[number]
            names = [inputs.relative(item) for item in objects]
            manifest = self._folder.write(shard_file(number), [{"prefix": str(place)}, *names])
            sizes = {name: item.size for name, item in zip(names, objects, strict=True)}
            self._folder.write(sizes_file(number), sizes)
            return {
                "number": number,
                "name": f"{self._workflow['job_name_prefix']}-"
                + digest(self._execution["Id"], number),
                "manifest": manifest,
                "objects": len(objects),
                "bytes": sum(item.size for item in objects),
            }

        with ThreadPoolExecutor(THREADS) as threads:
            listed = list(threads.map(write, range(len(shards))))
        self._folder.write("shards.json", listed)
        return listed

    def _make_model(self, name: str, model: Mapping[str, Any]) -> None:
        """Makes a Model of the run's own, which no deployment replaces while the run needs it."""
        given = {field: model[field] for field in _MODEL_FIELDS if model.get(field)}
        try:
            self._sagemaker.create_model(ModelName=name, **given)
        except ClientError as error:
            # This function was called before, and its answer was lost.
            if "existing model" not in error.response["Error"]["Message"]:
                raise


def throughput_name(artifact: str, job: Mapping[str, Any]) -> str:
    """Names what a throughput was measured of.

    Args:
        artifact: the model.
        job: the options of the job.
    """
    return f"{artifact} {job['TransformResources']['InstanceType']}"


def _version(container: Mapping[str, Any]) -> str:
    package = container.get("ModelPackageName", "unknown")
    version: str = container.get("Environment", {}).get(VERSION, package)
    return version


def _what_counts(request: Request) -> Any:
    """What changes the result of a run besides its data and its model."""
    job = {name: value for name, value in request.job.items() if name != "TransformOutput"}
    output = {
        name: value
        for name, value in request.job["TransformOutput"].items()
        if name != "S3OutputPath" or request.chosen_target
    }
    chosen = {name: request.options[name] for name in ("header", "bad_records")}
    return [job, output, chosen]
