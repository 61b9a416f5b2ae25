"""Functions that really run."""

from __future__ import annotations

import ast
import base64
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError


def eventually(look: Callable[[], Any], seconds: float = 60) -> Any:
    """What ``look`` finds at last."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def test_a_function_gets_its_event_and_answers(deploy: Any) -> None:
    """The zip that was deployed is what runs."""
    function = deploy("def handler(event, context):\n    return {'sum': event['a'] + event['b']}\n")
    answer = function.invoke({"a": 2, "b": 3})
    assert answer.payload == {"sum": 5}
    assert answer.error is None
    assert answer.raw["StatusCode"] == 200
    assert answer.raw["ExecutedVersion"] == "$LATEST"


def test_the_environment_is_as_on_aws(deploy: Any, local_aws: Any) -> None:
    """Names, memory and log group are in the environment, and the credentials are the role's."""
    function = deploy(
        """
        import os
        import boto3
        def handler(event, context):
            return {
                "env": {name: os.environ[name] for name in event},
                "who": boto3.client("sts").get_caller_identity()["Arn"],
                "context": [context.function_name, context.memory_limit_in_mb,
                            context.invoked_function_arn],
                "left": context.get_remaining_time_in_millis(),
            }
        """,
        MemorySize=256,
        Environment={"Variables": {"OWN": "value"}},
    )
    names = ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_REGION", "OWN"]
    names += ["AWS_LAMBDA_LOG_GROUP_NAME", "AWS_ENDPOINT_URL"]
    found = function.invoke(names).payload
    assert found["env"] == {
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_REGION": "us-east-1",
        "OWN": "value",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_ENDPOINT_URL": local_aws.url,
    }
    assert "assumed-role/for-functions/" in found["who"]
    assert found["context"] == [function.name, "256", function.arn]
    assert 0 < found["left"] <= 20_000


def test_an_exception_comes_back_as_lambda_reports_it(deploy: Any) -> None:
    """Type, message and the function's own frames; the log has the traceback as one event."""
    function = deploy(
        """
        def handler(event, context):
            return broken(event)
        def broken(event):
            raise ValueError("no " + event)
        """
    )
    answer = function.invoke("way")
    assert answer.error == "Unhandled"
    assert answer.raw["StatusCode"] == 200
    assert answer.payload["errorType"] == "ValueError"
    assert answer.payload["errorMessage"] == "no way"
    assert [re.search(r"in (\w+)", frame)[1] for frame in answer.payload["stackTrace"]] == [
        "handler",
        "broken",
    ]
    [event] = [line for line in function.log() if line.startswith("[ERROR] ValueError: no way")]
    assert "Traceback (most recent call last):" in event
    assert 'raise ValueError("no " + event)' in event


@pytest.mark.parametrize(
    ("source", "handler", "error", "message"),
    [
        (
            "import nowhere",
            "index.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'index': No module named 'nowhere'",
        ),
        # The server has numpy; Lambda's Python runtime has not.
        (
            "import numpy",
            "index.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'index': No module named 'numpy'",
        ),
        (
            "x = 1",
            "index.handler",
            "Runtime.HandlerNotFound",
            "Handler 'handler' missing on module 'index'",
        ),
        (
            "x = 1",
            "handler",
            "Runtime.MalformedHandlerName",
            "Bad handler 'handler': not enough values to unpack (expected 2, got 1)",
        ),
        (
            "handler = lambda event, context: {1, 2}",
            "index.handler",
            "Runtime.MarshalError",
            "Unable to marshal response: Object of type set is not JSON serializable",
        ),
    ],
)
def test_what_the_runtime_cannot_do_is_told_in_its_own_words(
    deploy: Any, source: str, handler: str, error: str, message: str
) -> None:
    """The error types are those of AWS's runtime interface client."""
    answer = deploy(source, Handler=handler).invoke()
    assert answer.error == "Unhandled"
    assert (answer.payload["errorType"], answer.payload["errorMessage"]) == (error, message)


def test_a_function_that_takes_too_long_is_ended(deploy: Any) -> None:
    """The words are Lambda's; the next event is answered by a new process."""
    function = deploy(
        """
        import time
        def handler(event, context):
            print("before")
            time.sleep(event)
            return "done"
        """,
        Timeout=1,
    )
    answer = function.invoke(30)
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Sandbox.Timedout"
    assert re.fullmatch(
        r"RequestId: [-0-9a-f]{36} Error: Task timed out after 1.00 seconds",
        answer.payload["errorMessage"],
    )
    log = function.log()
    assert "before" in log
    assert any(line.endswith("Task timed out after 1.00 seconds") for line in log)
    assert function.invoke(0).payload == "done"


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("os._exit(3)", "Runtime exited with error: exit status 3"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_process_that_ends_within_a_run_is_an_error(
    deploy: Any, statement: str, reason: str
) -> None:
    """As Lambda words it."""
    function = deploy(f"import os\ndef handler(event, context):\n    {statement}\n")
    answer = function.invoke()
    assert answer.payload["errorType"] == "Runtime.ExitError"
    assert answer.payload["errorMessage"].endswith(f"Error: {reason}")


def test_the_log_has_what_lambda_writes(deploy: Any) -> None:
    """START, prints, records of the root logger, END and REPORT; the tail is returned if asked."""
    function = deploy(
        """
        import logging
        logging.getLogger().setLevel(logging.INFO)
        def handler(event, context):
            print("printed")
            logging.info("logged\\nin two lines")
        """,
        MemorySize=128,
    )
    answer = function.invoke(LogType="Tail")
    start, printed, logged, end, report = function.log()
    request_id = answer.raw["ResponseMetadata"]["RequestId"]
    assert start == f"START RequestId: {request_id} Version: $LATEST"
    assert printed == "printed"
    assert re.fullmatch(
        rf"\[INFO\]\t\d{{4}}-\d\d-\d\dT[\d:.]+Z\t{request_id}\tlogged\nin two lines", logged
    )
    assert end == f"END RequestId: {request_id}"
    assert re.fullmatch(
        rf"REPORT RequestId: {request_id}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\t"
        r"Memory Size: 128 MB\tMax Memory Used: [1-9]\d* MB\tInit Duration: [\d.]+ ms\t",
        report,
    )
    assert base64.b64decode(answer.raw["LogResult"]).decode().startswith(start)


def test_a_warm_process_is_reused_until_the_code_changes(
    deploy: Any, local_aws: Any, package: Any
) -> None:
    """Globals live on between events, and new code runs at once."""
    source = """
        count = 0
        def handler(event, context):
            global count
            count += {}
            return count
        """
    function = deploy(source.format(1))
    assert [function.invoke().payload for _ in range(3)] == [1, 2, 3]
    local_aws.client("lambda").update_function_code(
        FunctionName=function.name, ZipFile=package({"index.py": source.format(10)})
    )
    assert function.invoke().payload == 10
    local_aws.client("lambda").update_function_configuration(
        FunctionName=function.name, Environment={"Variables": {"A": "b"}}
    )
    assert function.invoke().payload == 10


def test_a_published_version_keeps_its_code(deploy: Any, local_aws: Any, package: Any) -> None:
    """An alias runs the version that it names, and the context has the alias's ARN."""
    source = "def handler(event, context):\n    return ['{}', context.invoked_function_arn]"
    function = deploy(source.format("one"))
    api = local_aws.client("lambda")
    version = api.publish_version(FunctionName=function.name)["Version"]
    api.create_alias(FunctionName=function.name, Name="live", FunctionVersion=version)
    api.update_function_code(
        FunctionName=function.name, ZipFile=package({"index.py": source.format("two")})
    )
    assert function.invoke().payload[0] == "two"
    assert function.invoke(Qualifier="live").payload == ["one", f"{function.arn}:live"]
    assert function.invoke(FunctionName=f"{function.arn}:live").raw["ExecutedVersion"] == "1"


def test_an_event_is_tried_three_times_and_then_goes_to_the_dead_letter_queue(
    deploy: Any, local_aws: Any
) -> None:
    """The retries of an asynchronous invocation; the queue gets the event and the error."""
    sqs = local_aws.client("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    function = deploy(
        "def handler(event, context):\n    print('attempt')\n    raise KeyError('x')",
        DeadLetterConfig={"TargetArn": arn["QueueArn"]},
    )
    answer = function.invoke({"an": "event"}, InvocationType="Event")
    assert answer.raw["StatusCode"] == 202
    assert answer.payload is None

    def received() -> Any:
        return sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")

    [message] = eventually(received)
    assert message["Body"] == '{"an": "event"}'
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "'x'"
    assert function.log().count("attempt") == 3


def test_bad_calls_are_refused_as_by_lambda(deploy: Any, local_aws: Any) -> None:
    """Payloads that are too large or no JSON, reserved variables, a role that is not Lambda's."""
    function = deploy("def handler(event, context):\n    return event")

    def refused(**arguments: Any) -> str:
        with pytest.raises(ClientError) as caught:
            local_aws.client("lambda").invoke(FunctionName=function.name, **arguments)
        code: str = caught.value.response["Error"]["Code"]
        return code

    assert refused(Payload=b"{") == "InvalidRequestContentException"
    assert refused(Payload=b'"' + b"x" * 6_291_456 + b'"') == "RequestTooLargeException"
    large = b'"' + b"x" * 1_048_576 + b'"'
    assert refused(Payload=large, InvocationType="Event") == "RequestTooLargeException"
    with pytest.raises(ClientError, match="Reserved keys used in this request: AWS_REGION"):
        deploy("", Environment={"Variables": {"AWS_REGION": "x"}})
    with pytest.raises(ClientError, match="runs python and nodejs functions"):
        deploy("", runtime="java21").invoke()
    local_aws.client("s3").create_bucket(Bucket="no-code")
    with pytest.raises(ClientError, match=r"S3 Error Code: NoSuchKey"):
        deploy("", Code={"S3Bucket": "no-code", "S3Key": "missing.zip"})


def test_reserved_concurrency_throttles(deploy: Any, local_aws: Any) -> None:
    """A function without any concurrency is not run."""
    function = deploy("def handler(event, context):\n    return 1")
    api = local_aws.client("lambda")
    api.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        function.invoke()
    api.delete_function_concurrency(FunctionName=function.name)
    assert function.invoke().payload == 1


@pytest.mark.parametrize(
    ("suffix", "source"),
    [
        (".mjs", "export const handler = async (event) => ({ got: event.a });"),
        (".js", "exports.handler = (event, context, done) => done(null, { got: event.a });"),
    ],
)
def test_a_node_function_runs(deploy: Any, suffix: str, source: str) -> None:
    """ES modules and CommonJS, promises and callbacks."""
    function = deploy(source, runtime="nodejs22.x", suffix=suffix)
    assert function.invoke({"a": 7}).payload == {"got": 7}


def test_a_node_error_comes_back_as_lambda_reports_it(deploy: Any) -> None:
    """Type, message and trace."""
    source = "export const handler = async () => { throw new RangeError('too far'); };"
    answer = deploy(source, runtime="nodejs22.x").invoke()
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "RangeError"
    assert answer.payload["errorMessage"] == "too far"
    assert answer.payload["trace"][0] == "RangeError: too far"


def test_a_node_function_without_its_sdk_says_what_to_install(deploy: Any) -> None:
    """Lambda's Node.js runtimes contain the AWS SDK; this AWS has what npm installed beside it."""
    source = "const sdk = require('@aws-sdk/client-unknown'); exports.handler = async () => 1;"
    answer = deploy(source, runtime="nodejs22.x", suffix=".js").invoke()
    assert answer.payload["errorType"] == "Runtime.ImportModuleError"
    assert "Cannot find module '@aws-sdk/client-unknown'" in answer.payload["errorMessage"]
    assert "npm install @aws-sdk/client-unknown" in answer.payload["errorMessage"]


def test_a_message_to_a_topic_runs_its_function(deploy: Any, local_aws: Any) -> None:
    """SNS sends its event without waiting, once the function's policy lets it."""
    function = deploy("def handler(event, context):\n    print(event['Records'][0]['Sns'])")
    sns = local_aws.client("sns")
    topic = sns.create_topic(Name="runs-a-function")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function.arn)
    sns.publish(TopicArn=topic, Message="not allowed yet")
    local_aws.client("lambda").add_permission(
        FunctionName=function.name,
        StatementId="sns",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    published = sns.publish(TopicArn=topic, Message="hello", Subject="greeting")

    def logged() -> list[str]:
        logs = local_aws.client("logs")
        groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function.name}")
        return (
            [line for line in function.log() if "TopicArn" in line] if groups["logGroups"] else []
        )

    [line] = eventually(logged)
    sent = ast.literal_eval(line)
    assert (sent["Message"], sent["Subject"]) == ("hello", "greeting")
    assert sent["TopicArn"] == topic
    assert sent["MessageId"] == published["MessageId"]


def test_a_deleted_function_leaves_no_process(deploy: Any, local_aws: Any) -> None:
    """Neither the warm process nor what it had on disk."""
    function = deploy(
        "import os\ndef handler(event, context):\n    return [os.getpid(), os.getcwd()]"
    )
    pid, home = function.invoke().payload
    assert psutil.pid_exists(pid)
    local_aws.client("lambda").delete_function(FunctionName=function.name)
    assert not psutil.pid_exists(pid)
    assert not Path(home).exists()
