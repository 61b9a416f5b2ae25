"""Where the outcome of an asynchronous invocation goes: destinations and the dead-letter queue."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.cloud import Cloud
from local_aws.functions.function import LiveFunction
from local_aws.functions.report import now
from local_aws.functions.sandbox import Run
from local_aws.permissions.sessions import assume


class Delivery:
    """Sends outcomes with the function's role, which has to allow it."""

    def __init__(self, cloud: Cloud, function: LiveFunction, config: dict[str, Any]) -> None:
        self._cloud = cloud
        self._function = function
        self._config = config

    def succeeded(self, event: str, run: Run, *, attempts: int) -> None:
        """Tell the destination for success."""
        self._tell("OnSuccess", "Success", event, run, attempts)

    def failed(self, event: str, run: Run, *, attempts: int) -> None:
        """Tell the destination for failure, and put the event into the dead-letter queue."""
        self._tell("OnFailure", "RetriesExhausted", event, run, attempts)
        target = self._function.dead_letter_target
        if target:
            error = json.loads(run.payload)
            attributes = {
                "RequestID": run.request_id,
                "ErrorCode": "200",
                "ErrorMessage": str(error.get("errorMessage", ""))[:1024] or "error",
            }
            self._send(target, event, attributes)

    def _tell(self, key: str, condition: str, event: str, run: Run, attempts: int) -> None:
        target = (self._config.get(key) or {}).get("Destination")
        if not target:
            return
        context: dict[str, Any] = {
            "statusCode": 200,
            "executedVersion": str(self._function.version),
        }
        if run.failed:
            context["functionError"] = "Unhandled"
        record = {
            "version": "1.0",
            "timestamp": now(),
            "requestContext": {
                "requestId": run.request_id,
                "functionArn": self._function.qualified_arn,
                "condition": condition,
                "approximateInvokeCount": attempts,
            },
            "requestPayload": json.loads(event),
            "responseContext": context,
            "responsePayload": json.loads(run.payload),
        }
        self._send(target, json.dumps(record), {})

    def _send(self, target: str, body: str, attributes: dict[str, str]) -> None:
        # A role that may not send loses the record, as on AWS (metric DestinationDeliveryFailures).
        with contextlib.suppress(ClientError, BotoCoreError):
            credentials = assume(
                self._function.role,
                service="lambda.amazonaws.com",
                session_name=self._function.function_name[:64],
            )
            typed = {
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            }
            service = target.split(":")[2]
            api = self._cloud.client(service, credentials)
            if service == "sqs":
                url = api.get_queue_url(QueueName=target.rsplit(":", 1)[-1])["QueueUrl"]
                api.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=typed)
            elif service == "sns":
                api.publish(TopicArn=target, Message=body, MessageAttributes=typed)
            elif service == "lambda":
                api.invoke(FunctionName=target, InvocationType="Event", Payload=body)
            elif service == "events":
                self._put_event(api, target, body)

    def _put_event(self, api: Any, bus: str, body: str) -> None:
        record = json.loads(body)
        condition = record["requestContext"]["condition"]
        outcome = "Success" if condition == "Success" else "Failure"
        api.put_events(
            Entries=[
                {
                    "EventBusName": bus,
                    "Source": "lambda",
                    "DetailType": f"Lambda Function Invocation Result - {outcome}",
                    "Resources": [bus, record["requestContext"]["functionArn"]],
                    "Detail": body,
                }
            ]
        )
