"""Asynchronous endpoints: a queue in front of instances, S3 behind them.

See https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from local_aws.cloud import Cloud
from local_aws.permissions.sessions import assume
from local_aws.sagemaker import metrics
from local_aws.sagemaker.artifacts import SERVICE
from local_aws.sagemaker.async_delivery import Delivery, RequestFailedError
from local_aws.sagemaker.async_metrics import DataLog, Measured, publish_backlog, publish_request
from local_aws.sagemaker.async_request import AsyncRequest
from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.http_pool import UnreachableError
from local_aws.sagemaker.instances import Answer, ModelInstance
from local_aws.sagemaker.variant_fleet import VariantFleet

logger = logging.getLogger(__name__)

# Without MaxConcurrentInvocationsPerInstance "SageMaker chooses an optimal value".
_CONCURRENT = 4
_PUBLISH = 60.0
# Instances come and go without notice.
_LOOK = 0.2


class AsyncQueue:
    """The queue of one endpoint, and the thread that hands its requests to instances.

    A request that no instance can take waits: for the next free one, for an endpoint that is scaled
    up from zero, or for the end of its time to live.
    """

    def __init__(self, cloud: Cloud, endpoint: Endpoint) -> None:
        self._cloud = cloud
        self._endpoint = endpoint
        self._waiting: deque[AsyncRequest] = deque()
        self._processed: set[AsyncRequest] = set()
        self._busy: Counter[ModelInstance] = Counter()
        self._changed = threading.Condition()
        self._closed = False
        self._publish_every = _PUBLISH / cloud.speed
        self._delivery = Delivery(cloud)
        self._log = DataLog(cloud, group=f"/aws/sagemaker/Endpoints/{endpoint.endpoint_name}")
        name = f"async-{endpoint.endpoint_name}"
        threading.Thread(target=self._dispatch, name=name, daemon=True).start()

    def put(self, given: Mapping[str, Any], body: bytes, *, role_arn: str) -> AsyncRequest:
        """Add a request."""
        request = AsyncRequest(
            given=given,
            body=body,
            output=self._config.get("OutputConfig", {}),
            role_arn=role_arn,
            inference_id=given.get("InferenceId") or str(uuid.uuid4()),
        )
        with self._changed:
            self._waiting.append(request)
            self._changed.notify_all()
        return request

    def close(self) -> None:
        """Hand out nothing more: the endpoint is deleted, and what waits is lost."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def _config(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._endpoint.config.request["AsyncInferenceConfig"]
        return found

    @property
    def _concurrent(self) -> int:
        client = self._config.get("ClientConfig") or {}
        return int(client.get("MaxConcurrentInvocationsPerInstance", _CONCURRENT))

    def _dispatch(self) -> None:
        published = 0.0
        while not self._closed:
            with self._changed:
                self._changed.wait(timeout=_LOOK)
                expired = self._expired()
                handed = list(iter(self._hand_out, None))
            for request in expired:
                self._expire(request)
            for work in handed:
                threading.Thread(target=self._process, args=work, daemon=True).start()
            if time.monotonic() - published >= self._publish_every:
                published = time.monotonic()
                self._publish()

    def _expired(self) -> list[AsyncRequest]:
        now, speed = time.monotonic(), self._cloud.speed
        expired = [one for one in self._waiting if now - one.queued > one.seconds_to_live / speed]
        for request in expired:
            self._waiting.remove(request)
        return expired

    def _hand_out(self) -> tuple[AsyncRequest, Fleet, VariantFleet, ModelInstance] | None:
        """The oldest request and an instance for it; None if either is missing."""
        fleet = self._endpoint.traffic.choose()
        if self._closed or not self._waiting or fleet is None:
            return None
        chosen = fleet.route()
        others = [one for one in fleet.variants.values() if one is not chosen and one.weight > 0]
        for variant in [*([chosen] if chosen else []), *others]:
            for instance in variant.candidates():
                if instance.alive and self._busy[instance] < self._concurrent:
                    request = self._waiting.popleft()
                    self._busy[instance] += 1
                    self._processed.add(request)
                    return request, fleet, variant, instance
        return None

    def _process(
        self, request: AsyncRequest, fleet: Fleet, variant: VariantFleet, instance: ModelInstance
    ) -> None:
        again = False
        try:
            with fleet.request() as held:
                again = not held or not self._serve(request, fleet, variant, instance)
        except Exception:
            logger.exception("asynchronous request %s", request.inference_id)
        finally:
            with self._changed:
                self._processed.discard(request)
                self._busy[instance] -= 1
                if not self._busy[instance]:
                    del self._busy[instance]
                if again:
                    self._waiting.appendleft(request)
                self._changed.notify_all()

    def _serve(
        self, request: AsyncRequest, fleet: Fleet, variant: VariantFleet, instance: ModelInstance
    ) -> bool:
        """Read, ask, write, tell; False if the instance has gone and another one has to."""
        session = assume(instance.role_arn, service=SERVICE, session_name="SageMaker")
        measured = Measured(backlog=time.monotonic() - request.queued)
        answer = Answer(status=0, headers={}, body=b"", latency=0.0)
        failure = None
        try:
            body = self._delivery.read(request, session, measured)
            answer = _asked(instance, request, body, measured)
            if answer.status >= 400:
                whose = "client" if answer.status < 500 else "server"
                raise RequestFailedError(
                    f"ClientError: Received {whose} error ({answer.status}) from model. See the "
                    f"SageMaker Endpoint logs in your account for more information."
                )
            self._delivery.write(request, answer, session, measured)
        except UnreachableError:
            return False
        except RequestFailedError as error:
            failure = str(error)
            measured.failed = True
            self._delivery.write_failure(request, answer, failure, session, measured)
        self._delivery.notify(request, answer, failure, session, measured)
        total = time.monotonic() - request.queued
        where = metrics.Where(
            self._endpoint.endpoint_name, variant.name, fleet.config.endpoint_config_name
        )
        publish_request(where, measured, total=total)
        self._log.write(
            session,
            stream=f"{variant.name}/{instance.name}",
            inference_id=request.inference_id,
            text=_line(measured, failure, total),
        )
        return True

    def _expire(self, request: AsyncRequest) -> None:
        """The request waited too long."""
        measured = Measured(
            backlog=time.monotonic() - request.queued, failed=True, failures=["ExpiredRequests"]
        )
        failure = (
            f"ClientError: The request expired: it was in the queue for longer than "
            f"{request.seconds_to_live} seconds."
        )
        nothing = Answer(status=0, headers={}, body=b"", latency=0.0)
        try:
            session = assume(request.role_arn, service=SERVICE, session_name="SageMaker")
        except ClientError:
            logger.info("%s cannot be assumed", request.role_arn)
        else:
            self._delivery.write_failure(request, nothing, failure, session, measured)
            self._delivery.notify(request, nothing, failure, session, measured)
        config = self._endpoint.config
        where = metrics.Where(
            self._endpoint.endpoint_name,
            config.variants[0]["VariantName"],
            config.endpoint_config_name,
        )
        publish_request(where, measured, total=measured.backlog)

    def _publish(self) -> None:
        with self._changed:
            waiting, backlog = len(self._waiting), [*self._processed, *self._waiting]
        fleet = self._endpoint.fleet
        instances = sum(len(one.instances) for one in fleet.variants.values()) if fleet else 0
        now = time.monotonic()
        publish_backlog(
            self._endpoint.endpoint_name,
            backlog=len(backlog),
            waiting=waiting,
            instances=instances,
            age=max((now - request.queued for request in backlog), default=0.0),
        )


def _asked(
    instance: ModelInstance, request: AsyncRequest, body: bytes, measured: Measured
) -> Answer:
    try:
        answer = instance.invoke(body, request.headers, timeout=request.timeout)
    except TimeoutError as error:
        raise RequestFailedError(
            f"ClientError: Your invocation timed out while waiting for a response from container "
            f"primary: it did not answer within {request.timeout} seconds."
        ) from error
    measured.model, measured.status = answer.latency, answer.status
    return answer


def _line(measured: Measured, failure: str | None, total: float) -> str:
    if failure is not None:
        return f"Inference request failed. {failure}"
    return (
        f"Inference request succeeded. ModelLatency: {measured.model * 1e6:.0f} us, "
        f"RequestDownloadLatency: {measured.download * 1e6:.0f} us, "
        f"ResponseUploadLatency: {measured.upload * 1e6:.0f} us, "
        f"TimeInBacklog: {measured.backlog * 1e3:.0f} ms, "
        f"TotalProcessingTime: {total * 1e3:.0f} ms"
    )
