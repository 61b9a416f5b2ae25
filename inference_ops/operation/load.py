"""How much one instance of an endpoint can take: a load test that ends by itself."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING

from inference_ops.errors import CommandError
from inference_ops.operation.endpoint import LiveEndpoint
from inference_ops.operation.invocation import Invocations, Request

if TYPE_CHECKING:
    import boto3

# More clients that bring less than this share of further answers only wait for each other.
_LEAST_GAIN = 1.1


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a load test ends.

    Attributes:
        clients: how many clients ask at once, step by step.
        seconds: how long each step lasts.
        latency_ms: the 99th percentile from which on an endpoint counts as overloaded.
        error_share: the share of failed requests from which on it does.
    """

    clients: Sequence[int] = (1, 2, 4, 8, 16)
    seconds: float = 10
    latency_ms: float = 1000
    error_share: float = 0.01


@dataclass(frozen=True, kw_only=True)
class Step:
    """What came of one step.

    Attributes:
        clients: how many asked at once.
        requests: how many answers there were.
        errors: how many of them were errors.
        per_second: good answers a second.
        p50_ms: the median from the request to the whole answer.
        p99_ms: the 99th percentile.
        reason: the first error, if there was one.
    """

    clients: int
    requests: int
    errors: int
    per_second: float
    p50_ms: float
    p99_ms: float
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What an endpoint can take.

    Attributes:
        steps: what was measured.
        instances: how many instances there were; None where it has none of its own.
        best: the step with the most good answers within the limits; None if none was within.
    """

    steps: tuple[Step, ...]
    instances: int | None
    best: Step | None

    def per_instance(self) -> float | None:
        """Good answers a second of one instance."""
        if self.best is None or not self.instances:
            return None
        return self.best.per_second / self.instances

    def target_per_minute(self, safety: float) -> int | None:
        """What target tracking on InvocationsPerInstance should hold, per minute.

        https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-loadtest.html

        Args:
            safety: the share of the capacity that is to be used.
        """
        found = self.per_instance()
        return None if found is None else max(1, int(found * safety * 60))


class LoadTest:
    """Asks one endpoint from more and more clients.

    Args:
        session: where it is.
        endpoint_name: its name.
        request: what is asked, again and again.
    """

    def __init__(self, session: "boto3.Session", endpoint_name: str, request: Request) -> None:
        self._session = session
        self._endpoint_name = endpoint_name
        self._request = request

    def run(self, limits: Limits, tell: Callable[[Step], None]) -> Capacity:
        """Raises the load until a limit is reached or more clients bring nothing.

        Args:
            limits: when it ends.
            tell: is told of each step.

        Raises:
            CommandError: the endpoint is missing, refuses the first request, or changed its number
                of instances meanwhile, so that nothing can be said of one.
        """
        invocations = Invocations(self._session, self._endpoint_name)
        before = self._instances()
        invocations.ask(self._request)
        steps: list[Step] = []
        for clients in limits.clients:
            step = self._step(invocations, clients, limits.seconds)
            steps.append(step)
            tell(step)
            if not _within(step, limits):
                break
            if len(steps) > 1 and step.per_second < steps[-2].per_second * _LEAST_GAIN:
                break
        if self._instances() != before:
            raise CommandError(
                f"endpoint {self._endpoint_name} was scaled while it was measured: suspend its "
                "scaling, or give fewer --clients, and measure again"
            )
        good = [step for step in steps if _within(step, limits)]
        best = max(good, key=lambda step: step.per_second, default=None)
        return Capacity(steps=tuple(steps), instances=before, best=best)

    def _instances(self) -> int | None:
        variants = LiveEndpoint(self._session, self._endpoint_name).described["ProductionVariants"]
        counts = [
            variant.get("CurrentInstanceCount")
            for variant in variants
            if self._request.variant in (None, variant["VariantName"])
        ]
        return None if None in counts else sum(counts)

    def _step(self, invocations: Invocations, clients: int, seconds: float) -> Step:
        taken: list[float] = []
        errors: list[str] = []
        end = time.monotonic() + seconds

        def ask() -> None:
            while time.monotonic() < end:
                try:
                    taken.append(invocations.ask(self._request).milliseconds)
                except CommandError as error:
                    errors.append(str(error))

        threads = [threading.Thread(target=ask, daemon=True) for _ in range(clients)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        length = time.monotonic() - began
        cuts = quantiles(taken, n=100, method="inclusive") if len(taken) > 1 else taken * 99
        return Step(
            clients=clients,
            requests=len(taken) + len(errors),
            errors=len(errors),
            per_second=len(taken) / length,
            p50_ms=cuts[49] if cuts else float("inf"),
            p99_ms=cuts[98] if cuts else float("inf"),
            reason=errors[0] if errors else None,
        )


def _within(step: Step, limits: Limits) -> bool:
    return (
        step.requests > 0
        and step.errors <= step.requests * limits.error_share
        and step.p99_ms <= limits.latency_ms
    )
