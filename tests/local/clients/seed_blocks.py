"""Each code block of the course assignment's Parts 1 to 5, run with the SageMaker Python SDK v2.

Runs in the SDK's own environment: ``python seed_blocks.py CONTEXT RESULTS``. CONTEXT is a JSON file
with what the blocks need (role, bucket, job names, rows); RESULTS gets what each block returned, by
the block's name. Where the assignment's code is wrong, the block holds both: what is refused, with
the error, and the corrected call. Nothing is asserted here; ``test_seed_blocks.py`` does.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import sagemaker
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.pytorch import PyTorchModel
from sagemaker.serializers import CSVSerializer
from sagemaker.transformer import Transformer
from sagemaker.tuner import HyperparameterTuner

BLOCKS: dict[str, Callable[[Any], Any]] = {}


def block(name: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Register one block of the assignment."""

    def register(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        BLOCKS[name] = function
        return function

    return register


def refused(call: Callable[[], Any]) -> str:
    """The error that a call of the assignment's meets; 'accepted' when it meets none."""
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"


# The SDK asks every 30 s whether an endpoint is ready; here it is after two.
for waiting in (sagemaker.Session.wait_for_endpoint, sagemaker.Session.wait_for_transform_job):
    waiting.__defaults__ = (1, *waiting.__defaults__[1:])  # the argument `poll`


class Course:
    """What the blocks share, as the cells of a notebook do."""

    def __init__(self, context: dict[str, Any]) -> None:
        self.role = context["role"]
        self.bucket = context["bucket"]
        self.region = context["region"]
        self.model_data = context["model_data"]
        self.image_uri = context["image_uri"]
        self.training_job = context["training_job"]
        self.second_training_job = context["second_training_job"]
        self.tuning_job = context["tuning_job"]
        self.rows: list[list[float]] = context["rows"]
        self.source_dir = context["source_dir"]
        self.environment = context["environment"]

    @property
    def csv(self) -> str:
        """All rows as CSV lines."""
        return "\n".join(",".join(repr(value) for value in row) for row in self.rows)

    def model(self, **arguments: Any) -> Model:
        """Option B's model, with the environment that script mode needs."""
        return Model(
            model_data=self.model_data,
            image_uri=self.image_uri,
            role=self.role,
            env=self.environment,
            predictor_cls=Predictor,
            **arguments,
        )

    def transformer(self, output: str, **arguments: Any) -> Transformer:
        """A transformer of Option B's model."""
        return self.model().transformer(
            instance_count=1,
            instance_type="ml.m5.xlarge",
            output_path=f"s3://{self.bucket}/{output}/",
            accept="text/csv",
            **arguments,
        )

    def output(self, prefix: str) -> str:
        """The transformed rows below ``prefix``."""
        body = boto3.client("s3").get_object(Bucket=self.bucket, Key=f"{prefix}/rows.csv.out")[
            "Body"
        ]
        return body.read().decode()


@block("1A create_model from an estimator")
def _(course: Course) -> Any:
    estimator = Estimator.attach(course.training_job)
    model = estimator.create_model()
    return {"model_data": model.model_data, "image": model.image_uri, "name": model.name}


@block("1A create_model from a tuner")
def _(course: Course) -> Any:
    tuner = HyperparameterTuner.attach(course.tuning_job)
    return {
        "seed": refused(lambda: tuner.create_model()),
        "best_training_job": tuner.best_training_job(),
        "corrected": tuner.best_estimator().create_model().model_data,
    }


@block("1B model from S3 artifacts")
def _(course: Course) -> Any:
    model = course.model(name="seed-1b")
    model.create(instance_type="ml.m5.large")
    container = boto3.client("sagemaker").describe_model(ModelName="seed-1b")["PrimaryContainer"]
    model.delete_model()
    return {
        "seed_image": sagemaker.image_uris.retrieve("xgboost", course.region, version="1.5-1"),
        "newest_in_sdk_v2": refused(
            lambda: sagemaker.image_uris.retrieve("xgboost", course.region, version="3.2-0")
        ),
        "image": container["Image"],
        "model_data": container["ModelDataUrl"],
    }


@block("1C and 4 PyTorchModel with the custom script")
def _(course: Course) -> Any:
    model = PyTorchModel(
        model_data=course.model_data,
        role=course.role,
        framework_version="2.0",
        py_version="py310",
        entry_point="inference.py",
        source_dir=course.source_dir,
        predictor_cls=Predictor,
        # Without it the SDK asks STS for the account of its default bucket, at the public address
        # of STS whatever AWS_ENDPOINT_URL says.
        code_location=f"s3://{course.bucket}/code",
        name="seed-1c",
    )
    predictor = model.deploy(
        initial_instance_count=1, instance_type="ml.m5.large", endpoint_name="seed-1c"
    )
    predictor.serializer = CSVSerializer()
    predictor.deserializer = CSVDeserializer()
    classes = [int(row[0]) for row in predictor.predict(course.csv)]
    predictor.delete_endpoint(delete_endpoint_config=True)
    model.delete_model()
    return {"image": model.serving_image_uri("us-east-1", "ml.m5.large"), "classes": classes}


@block("2 basic batch transform")
def _(course: Course) -> Any:
    data = f"s3://{course.bucket}/test-data/"
    arguments = {
        "strategy": "MultiRecord",
        "max_payload": 6,
        "max_concurrent_transforms": 10,
    }
    call = {"content_type": "text/csv", "split_type": "Line", "join_source": "Input"}
    seed = refused(lambda: course.transformer("seed", **arguments).transform(data=data, **call))
    transformer = course.transformer("basic", assemble_with="Line", **arguments)
    transformer.transform(data=data, **call)
    transformer.wait(logs=False)
    return {"seed": seed, "output": course.output("basic")}


@block("2 advanced batch transform")
def _(course: Course) -> Any:
    data = f"s3://{course.bucket}/test-data/"
    seed = refused(
        lambda: course.transformer(
            "seed", strategy="MultiRecord", max_payload=100, max_concurrent_transforms=20
        ).transform(data=data, content_type="text/csv", split_type="Line")
    )
    # `$[1:]` drops the first column of each record, it does not skip a header: the rows arrive with
    # one feature too few, so the file fails.
    one_short = course.transformer("one-short", strategy="MultiRecord", assemble_with="Line")
    one_short.transform(
        data=data, content_type="text/csv", split_type="Line", input_filter="$[1:]", wait=False
    )
    filtered = refused(lambda: one_short.wait(logs=False))
    transformer = course.transformer(
        "advanced",
        strategy="MultiRecord",
        max_payload=6,
        max_concurrent_transforms=16,
        assemble_with="Line",
        env={**course.environment, "SAGEMAKER_MODEL_SERVER_TIMEOUT": "3600"},
    )
    transformer.transform(
        data=data,
        data_type="S3Prefix",
        content_type="text/csv",
        split_type="Line",
        join_source="Input",
        output_filter="$[0,-1]",
    )
    transformer.wait(logs=False)
    return {"seed": seed, "input_filter": filtered, "output": course.output("advanced")}


@block("3 deploy from an estimator")
def _(course: Course) -> Any:
    estimator = Estimator.attach(course.training_job)
    predictor = estimator.deploy(
        initial_instance_count=1,
        instance_type="ml.t2.medium",
        endpoint_name="seed-3-estimator",
        env=course.environment,
    )
    test_data = np.array(course.rows[:1])
    seed = refused(lambda: predictor.predict(test_data))
    predictor.serializer = CSVSerializer()
    predictor.deserializer = CSVDeserializer()
    prediction = predictor.predict(test_data)
    predictor.delete_endpoint(delete_endpoint_config=True)
    return {"seed": seed, "prediction": float(prediction[0][0])}


@block("3 deploy from a model")
def _(course: Course) -> Any:
    model = course.model(name="seed-3-model")
    predictor = model.deploy(
        initial_instance_count=1,
        instance_type="ml.m5.large",
        endpoint_name="your-custom-endpoint",
        wait=True,
    )
    predictor.serializer = CSVSerializer()
    predictor.deserializer = JSONDeserializer()
    four = refused(lambda: predictor.predict("5.1,3.5,1.4,0.2"))
    return {"four_features": four, "prediction": predictor.predict(course.csv)}


@block("5 monitoring")
def _(course: Course) -> Any:
    predictor = Predictor("your-custom-endpoint")
    description = boto3.client("sagemaker").describe_endpoint(EndpointName=predictor.endpoint_name)
    points = boto3.client("cloudwatch", region_name=course.region).get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[
            {"Name": "EndpointName", "Value": predictor.endpoint_name},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        StartTime=datetime.now() - timedelta(hours=1),
        EndTime=datetime.now() + timedelta(minutes=1),
        Period=300,
        Statistics=["Sum"],
    )["Datapoints"]
    return {
        "seed": refused(lambda: predictor.describe()),
        "status": description["EndpointStatus"],
        "created": description["CreationTime"].isoformat(),
        "invocations": sum(point["Sum"] for point in points),
    }


@block("5 update endpoint")
def _(course: Course) -> Any:
    predictor = Predictor(
        "your-custom-endpoint", serializer=CSVSerializer(), deserializer=JSONDeserializer()
    )
    new_model = Estimator.attach(course.second_training_job).create_model(env=course.environment)
    alone = refused(lambda: predictor.update_endpoint(model_name="seed-5-v2"))
    not_created = new_model.name
    new_model.name = "seed-5-v2"
    new_model.create(instance_type="ml.m5.large")
    before = predictor.predict(course.csv)
    predictor.update_endpoint(
        model_name=new_model.name,
        initial_instance_count=1,
        instance_type="ml.m5.large",
        wait=True,
    )
    return {
        "model_name_alone": alone,
        "name_before_create": not_created,
        "before": before,
        "after": predictor.predict(course.csv),
    }


@block("5 autoscaling")
def _(course: Course) -> Any:
    client = boto3.client("application-autoscaling", region_name=course.region)
    resource = "endpoint/your-custom-endpoint/variant/AllTraffic"
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": resource,
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    client.register_scalable_target(**target, MinCapacity=1, MaxCapacity=4)
    client.put_scaling_policy(
        PolicyName="target-tracking-policy",
        **target,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 70.0,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
        },
    )
    found = client.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=resource)
    return found["ScalingPolicies"][0]["PolicyName"]


@block("5 clean up")
def _(course: Course) -> Any:
    predictor = Predictor("your-custom-endpoint")
    predictor.delete_endpoint(delete_endpoint_config=True)
    for name in ("seed-3-model", "seed-5-v2"):
        boto3.client("sagemaker").delete_model(ModelName=name)
    sagemaker_client = boto3.client("sagemaker")
    targets = boto3.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="sagemaker",
        ResourceIds=["endpoint/your-custom-endpoint/variant/AllTraffic"],
    )["ScalableTargets"]
    return {
        "describe": refused(
            lambda: sagemaker_client.describe_endpoint(EndpointName="your-custom-endpoint")
        ),
        "targets": len(targets),
    }


def main() -> None:
    """Run all blocks in the assignment's order; a block that fails does not stop the others."""
    context, results = (Path(argument) for argument in sys.argv[1:])
    course = Course(json.loads(context.read_text()))
    told: dict[str, Any] = {}
    for name, run in BLOCKS.items():
        try:
            told[name] = run(course)
        except Exception:
            told[name] = {"failed": traceback.format_exc()}
        results.write_text(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
