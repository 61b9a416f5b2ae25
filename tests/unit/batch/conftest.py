"""A batch workflow in a stack of its own, and an S3 to run its functions against."""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_cdk import App, Environment, RemovalPolicy, Stack
from aws_cdk.assertions import Template
from botocore.loaders import JSONFileLoader
from moto import mock_aws

from inference_constructs import (
    BatchAlarms,
    BatchTransformWorkflow,
    DataBucket,
    EncryptionKey,
    InferenceModel,
    ModelArtifact,
    Notifications,
    RunOptions,
    TransformOptions,
)

ROOT = Path(__file__).resolve().parents[3]
BUCKET = "data"

MakeWorkflow = Callable[..., BatchTransformWorkflow]


@pytest.fixture(scope="session", autouse=True)
def _service_models_are_read_once() -> Iterator[None]:
    """Each client would read them from disk again, which is most of the time of a test."""
    read = cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))
        yield


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> ModelArtifact:
    """A model and a handler that take no time to check."""
    directory = tmp_path_factory.mktemp("model")
    (directory / "xgboost-model").write_text('{"learner":{},"version":[3,2,0]}')
    (directory / "code").mkdir()
    (directory / "code" / "inference.py").write_text("def model_fn(model_dir):\n    return 1\n")
    return ModelArtifact.from_directory(directory, code=directory / "code")


@pytest.fixture(scope="session")
def new_stack(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Stack]:
    """Makes a stack in an app of its own, with the flags of `cdk.json`."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]

    def make() -> Stack:
        app = App(
            analytics_reporting=False,
            tree_metadata=False,
            outdir=str(tmp_path_factory.mktemp("cdk.out")),
            context=flags,
        )
        return Stack(app, "shop-dev-batch", env=Environment(region="eu-west-1"))

    return make


@pytest.fixture(scope="session")
def make_workflow(new_stack: Callable[[], Stack], artifact: ModelArtifact) -> MakeWorkflow:
    """Makes a workflow with all that it needs, and alarms."""

    def make(
        *,
        inputs: tuple[str, ...] = ("input/",),
        output: str = "output/",
        options: TransformOptions | None = None,
        job_name_prefix: str | None = "churn",
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> BatchTransformWorkflow:
        stack = new_stack()
        encryption = EncryptionKey(stack, "Encryption")
        notifications = Notifications(stack, "Notifications", encryption=encryption)
        data = DataBucket(stack, "Data", encryption=encryption, removal_policy=removal_policy)
        workflow = BatchTransformWorkflow(
            stack,
            "Workflow",
            model=InferenceModel(stack, "Model", artifact=artifact),
            inputs=[data.prefix(prefix) for prefix in inputs],
            output=data.prefix(output),
            notifications=notifications,
            encryption=encryption,
            options=options,
            job_name_prefix=job_name_prefix,
        )
        BatchAlarms(stack, "Alarms", workflow=workflow, notifications=notifications)
        return workflow

    return make


@pytest.fixture(scope="session")
def template(make_workflow: MakeWorkflow) -> Template:
    """The template of a workflow with a job's default options."""
    return Template.from_stack(Stack.of(make_workflow()))


@pytest.fixture(scope="session")
def read_definition() -> Callable[[Template], dict[str, Any]]:
    """Reads the state machine of a template, with a word for each value of the deployment."""

    def flat(value: Any) -> str:
        match value:
            case str():
                return value
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(flat(part) for part in parts)
            case {"Ref": name} | {"Fn::GetAtt": [name, *_]}:
                return f"<{re.sub('[0-9A-F]{8}$', '', str(name))}>"
            case _:
                raise AssertionError(value)

    def read(template: Template) -> dict[str, Any]:
        machines = template.find_resources("AWS::StepFunctions::StateMachine")
        (machine,) = machines.values()
        definition: dict[str, Any] = json.loads(flat(machine["Properties"]["DefinitionString"]))
        return definition

    return read


@pytest.fixture(scope="session")
def definition(
    template: Template, read_definition: Callable[[Template], dict[str, Any]]
) -> dict[str, Any]:
    """The state machine, as Step Functions gets it."""
    return read_definition(template)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An S3 with the bucket `data`, a table of claims, and a Model."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name, value in {
        "AWS_REGION": "us-east-1",
        "CLAIMS_TABLE": "claims",
        "METRICS_NAMESPACE": "Inference/Batch",
        "OUTPUT": "s3://data/output/",
        "WORKFLOW": "churn",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        boto3.client("dynamodb").create_table(
            TableName="claims",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        boto3.client("sagemaker").create_model(
            ModelName="stacks-model",
            ExecutionRoleArn="arn:aws:iam::123456789012:role/model",
            PrimaryContainer={
                "Image": "image:3.2-0",
                "ModelDataUrl": "s3://models/model.tar.gz",
                "Environment": {"INFERENCE_MODEL_VERSION": "7"},
            },
        )
        yield client


@pytest.fixture
def put(s3: Any) -> Callable[..., None]:
    """Writes objects into the bucket `data`."""

    def write(content: dict[str, bytes], **more: str) -> None:
        for key, body in content.items():
            s3.put_object(Bucket=BUCKET, Key=key, Body=body, **more)

    return write


@pytest.fixture
def content(s3: Any) -> Callable[[str], Any]:
    """Reads an object of JSON by its URI."""

    def read(uri: str) -> Any:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    return read


@pytest.fixture
def job() -> dict[str, Any]:
    """A job's options, as the workflow has them when nothing is said."""
    return TransformOptions().job(key_arn="arn:aws:kms:us-east-1:123456789012:key/k")


@pytest.fixture
def workflow(job: dict[str, Any]) -> dict[str, Any]:
    """What the plan is told of the deployment."""
    options, run = TransformOptions(), RunOptions(other_instance_types=["ml.g5.xlarge"])
    return {
        "model": "stacks-model",
        "job": job,
        "options": {k: v for k, v in run.defaults(options).items() if v is not None},
        "instance_types": run.instance_types(options, "us-east-1"),
        "inputs": ["s3://data/input/"],
        "output": "s3://data/output/",
        "job_name_prefix": "churn",
    }


@pytest.fixture
def plan_event(workflow: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """What the state machine sends to the plan for a request."""

    def make(request: object, *, name: str = "monday_run", **more: Any) -> dict[str, Any]:
        return {
            "request": request,
            "execution": {
                "Id": f"arn:aws:states:us-east-1:123456789012:execution:churn:{name}",
                "Name": name,
                "StartTime": "2026-11-01T12:00:00.500Z",
            },
            "workflow": {**workflow, **more},
        }

    return make
