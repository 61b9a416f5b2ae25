"""Delivers events and schedules in the background, with the rights that they have on AWS."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.cloud import Cloud
from local_aws.events.targets import ClientOf, UnknownTarget, queue_url, send
from local_aws.permissions.services import ServiceCall, ServiceDenied, authorize
from local_aws.permissions.sessions import assume

LOG = logging.getLogger(__name__)
ATTEMPTS = 3
RETRY_SECONDS = 0.5
# What a target that names no role must let the service do.
_ACTIONS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}
_DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError")


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Something on its way to a target.

    Attributes:
        service: who sends it: the principal that roles and resource policies name.
        source_arn: the rule or schedule.
        target: as the API describes it.
        payload: the text.
    """

    service: str
    source_arn: str
    target: Mapping[str, Any]
    payload: str


class Courier:
    """Sends deliveries, tries again, and puts what cannot be sent into the dead-letter queue."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="events")

    def post(self, delivery: Delivery) -> None:
        """Send in the background."""
        self._pool.submit(self._deliver, delivery)

    def stop(self) -> None:
        """Send nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _deliver(self, delivery: Delivery) -> None:
        policy = delivery.target.get("RetryPolicy") or {}
        attempts = min(ATTEMPTS, 1 + int(policy.get("MaximumRetryAttempts", ATTEMPTS)))
        for attempt in range(attempts):
            try:
                send(self._clients(delivery), delivery.target, delivery.payload)
                return
            except (ServiceDenied, UnknownTarget) as error:
                # Another attempt would fare no better.
                code, message = type(error).__name__, str(error)
                break
            except ClientError as error:
                code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
                if code in _DENIED:
                    break
            except BotoCoreError as error:
                code, message = type(error).__name__, str(error)
            except Exception as error:  # a fault in here must not pass in silence
                LOG.exception("delivery from %s", delivery.source_arn)
                code, message = type(error).__name__, str(error)
                break
            time.sleep(RETRY_SECONDS * 2**attempt)
        LOG.warning("%s -> %s: %s", delivery.source_arn, delivery.target["Arn"], message)
        self._bury(delivery, code, message)

    def _clients(self, delivery: Delivery) -> ClientOf:
        """Clients with the session of the target's role, or of the service itself."""
        role_arn = delivery.target.get("RoleArn")
        if role_arn is not None:
            session = assume(
                role_arn,
                service=delivery.service,
                session_name=delivery.service.partition(".")[0],
            )
            return cache(lambda service: self._cloud.client(service, session))
        arn: str = delivery.target["Arn"]
        action = _ACTIONS.get(arn.split(":")[2])
        if action is not None:
            authorize(self._service(delivery), action, arn)
        elif arn.split(":")[2] == "states":
            raise UnknownTarget(f"{arn} needs a RoleArn")
        return cache(self._cloud.client)

    def _service(self, delivery: Delivery) -> ServiceCall:
        region, account = delivery.source_arn.split(":")[3:5]
        return ServiceCall(
            service=delivery.service,
            account=account,
            region=region,
            source_arn=delivery.source_arn,
        )

    def _bury(self, delivery: Delivery, code: str, message: str) -> None:
        """Keep what could not be sent, with the reason, as a rule's dead-letter queue does."""
        queue = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
        if queue is None:
            return
        attributes = {
            "RULE_ARN": delivery.source_arn,
            "TARGET_ARN": delivery.target["Arn"],
            "ERROR_CODE": code,
            "ERROR_MESSAGE": message,
        }
        try:
            # Scheduler sends with the schedule's role, EventBridge with its own name.
            if delivery.service == "scheduler.amazonaws.com":
                sqs = self._clients(delivery)("sqs")
            else:
                authorize(self._service(delivery), "sqs:SendMessage", queue)
                sqs = self._cloud.client("sqs")
            sqs.send_message(
                QueueUrl=queue_url(sqs, queue),
                MessageBody=delivery.payload,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in attributes.items()
                },
            )
        except (ClientError, ServiceDenied) as error:
            LOG.warning("dead letter of %s: %s", json.dumps(attributes), error)
