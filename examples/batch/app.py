"""Every morning, and whenever files have come, what is new is predicted, verified and told."""

from aws_cdk import App, Duration, Stack, TimeZone

from inference_constructs import (
    BatchAlarms,
    BatchArrivals,
    BatchSchedule,
    BatchTransformWorkflow,
    DataBucket,
    EncryptionKey,
    HeaderPolicy,
    InferenceModel,
    ModelArtifact,
    Notifications,
    RunOptions,
)

ROME = TimeZone.EUROPE_ROME
app = App()
stack = Stack(app, "example-batch")
key = EncryptionKey(stack, "Key")
artifact = ModelArtifact.from_directory("build/model", code="model_code/serving")
topic = Notifications(stack, "Notifications", encryption=key)
data = DataBucket(stack, "Data", encryption=key, events=True)
workflow = BatchTransformWorkflow(
    stack,
    "Workflow",
    model=InferenceModel(stack, "Model", artifact=artifact),
    inputs=[data.prefix("input/")],
    output=data.prefix("output/"),
    notifications=topic,
    encryption=key,
    run=RunOptions(header=HeaderPolicy.STRIP, concurrent_jobs=8, tolerated_failure_percent=1),
)
place = data.prefix("input/")
BatchArrivals(stack, "Arrivals", workflow=workflow, place=place, encryption=key)
daily = {"input": f"{place.uri}daily/"}
at = "cron(0 6 * * ? *)"
BatchSchedule(stack, "Daily", workflow=workflow, request=daily, expression=at, time_zone=ROME)
BatchAlarms(stack, "Alarms", workflow=workflow, notifications=topic, longest=Duration.hours(3))
app.synth()
