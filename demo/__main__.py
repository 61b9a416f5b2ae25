"""``python -m demo``: the whole road on one machine, with an exit code that tells the truth."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from demo import batch, cleanup, dashboard, load, predict
from demo.console import Tour, fail, say
from demo.environment import OUTPUT, ROOT, DemoError, LocalAwsProcess, free_port

MODEL = ROOT / "build" / "model"


def _outputs(path: Path) -> dict[str, str]:
    """The outputs of all stacks in one table; both stacks' own keys are unique where used here."""
    stacks: dict[str, dict[str, str]] = json.loads(path.read_text())
    return {key: value for outputs in stacks.values() for key, value in outputs.items()}


def _deploy(aws: LocalAwsProcess, tour: Tour) -> dict[str, str]:
    with tour.step("Bootstrap: what `cdk bootstrap` puts into an account"):
        aws.cdk("bootstrap")
    with tour.step("Deploy: `cdk deploy --all -c stage=dev`, the real CDK CLI"):
        outputs = OUTPUT / "outputs.json"
        aws.cdk(
            *("deploy", "--all", "--require-approval", "never", "--outputs-file", str(outputs)),
        )
    return _outputs(outputs)


def _use(aws: LocalAwsProcess, tour: Tour, outputs: dict[str, str]) -> None:
    endpoint = outputs["EndpointName"]
    with tour.step("The endpoint"):
        variant = predict.describe(aws, endpoint)
    with tour.step("Real-time predictions of the held-out rows"):
        probabilities = predict.over_boto3(aws, endpoint, MODEL)
        predict.over_sdk(aws, endpoint, MODEL, probabilities)
        predict.invocations(aws, endpoint, variant)
    with tour.step("Load: target tracking adds instances"):
        load.grow(aws, endpoint, MODEL)
    with tour.step("Batch: a Step Functions execution around a transform job"):
        batch.run(aws, outputs["StateMachineArn"], outputs["DataBucketName"], MODEL)
    with tour.step("Alarms and scaling"):
        predict.show_state(aws, endpoint)
    with tour.step("Dashboard: the deployed one, drawn from its metrics"):
        picture = dashboard.draw(aws, outputs["DashboardName"], OUTPUT / "dashboard.png")
        say(f"open {picture.relative_to(ROOT)}")


def _goodbye(aws: LocalAwsProcess, outputs: dict[str, str]) -> None:
    say("left running, as asked. Talk to it from another terminal:")
    for name, value in aws.variables.items():
        say(f"  export {name}={value}")
    say(
        '  .venv/bin/python -c "import boto3; '
        "print(boto3.client('sagemaker-runtime').invoke_endpoint("
        f"EndpointName='{outputs['EndpointName']}', ContentType='text/csv', "
        f"Body=open('build/model/heldout.csv').readline())['Body'].read())\""
    )
    say("  .venv/bin/cdk destroy --all -c stage=dev")
    say(f"stop it with: kill {aws.pid}")


def main() -> int:
    """Run the tour; 0 when every step did what it promises, else 1."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end")
    parser.add_argument("--port", type=int, help="port of the local AWS (default: a free one)")
    arguments = parser.parse_args()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    aws = LocalAwsProcess(arguments.port or free_port())
    try:
        _tour(aws, keep=arguments.keep)
    except DemoError as error:
        fail(str(error))
        return 1
    except KeyboardInterrupt:
        fail("interrupted")
        return 130
    say("")
    say("All of it happened on this machine. The way to a real account is in README.md.")
    return 0


def _tour(aws: LocalAwsProcess, *, keep: bool) -> None:
    tour = Tour(10 if keep else 11)
    kept = False
    try:
        with tour.step("Train: XGBoost on the Wisconsin Diagnostic Breast Cancer set"):
            aws.run(
                *(sys.executable, "model_code/training/train.py", "--output", str(MODEL)),
                log=OUTPUT / "train.log",
            )
        with tour.step("Start the local AWS"):
            aws.start(OUTPUT / "local-aws.log")
        outputs = _deploy(aws, tour)
        _use(aws, tour, outputs)
        if keep:
            _goodbye(aws, outputs)
            kept = True
            return
        with tour.step("Clean up: `cdk destroy`, then look for what is left"):
            aws.cdk("destroy", "--all", "--force")
            cleanup.verify(aws, outputs["EndpointName"])
    finally:
        if not kept:
            aws.stop()


if __name__ == "__main__":
    sys.exit(main())
