"""One request at one variant: answered, counted, captured; and copied to its shadow."""

from __future__ import annotations

import logging
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from local_aws.sagemaker import metrics
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.instances import Answer
from local_aws.sagemaker.replies import Invocation, RuntimeFault
from local_aws.sagemaker.variant_fleet import VariantFleet

_log = logging.getLogger(__name__)

# Copies for shadow variants that may be under way; more are dropped, so that a slow shadow takes
# nothing from those who wait for an answer.
_SENDERS, _COPIES = 16, 64
_executor = ThreadPoolExecutor(_SENDERS, thread_name_prefix="sagemaker-shadow")
_room = threading.BoundedSemaphore(_COPIES)


def serve(
    fleet: Fleet,
    variant: VariantFleet,
    invocation: Invocation,
    *,
    timeout: float,
    began: float | None = None,
) -> Answer:
    """Have a variant answer a request.

    Args:
        fleet: the variant's, held for this request.
        variant: who answers.
        invocation: the request.
        timeout: seconds for the answer.
        began: when the request came, by `time.perf_counter`; now if not given.

    Raises:
        RuntimeFault: the variant takes no request now.
    """
    began = time.perf_counter() if began is None else began
    answer = variant.answer(invocation, timeout=timeout)
    metrics.invocation(
        fleet.where(variant).on(answer.instance),
        instances=variant.counted_instances,
        status=answer.status,
        model_seconds=answer.latency,
        overhead_seconds=max(0.0, time.perf_counter() - began - answer.latency),
    )
    if fleet.capture is not None:
        fleet.capture.record(variant.name, invocation, answer)
    return answer


def mirror(fleet: Fleet, variant: VariantFleet, invocation: Invocation, *, timeout: float) -> None:
    """Send copies of a request to the shadow variants, whose answers nobody waits for.

    The share of requests that is copied is the shadow's weight in that of the variant:
    https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests.html.
    """
    for shadow in fleet.shadows.values():
        if random.random() * variant.weight >= shadow.weight or not shadow.instances:
            continue
        if not _room.acquire(blocking=False):
            _log.warning("shadow variant %s is too slow: a copy was dropped", shadow.name)
            continue
        _executor.submit(_copy, fleet, shadow, invocation, timeout)


def _copy(fleet: Fleet, shadow: VariantFleet, invocation: Invocation, timeout: float) -> None:
    try:
        with fleet.request() as held:
            if held:
                serve(fleet, shadow, invocation, timeout=timeout)
    except RuntimeFault as fault:
        _log.info("shadow variant %s: %s", shadow.name, fault)
    finally:
        _room.release()
