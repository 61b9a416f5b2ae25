"""Whether a live endpoint is what its stack deployed, and does what it is there for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inference_ops.errors import CommandError
from inference_ops.operation.endpoint import LiveEndpoint
from inference_ops.operation.invocation import Golden, Invocations
from inference_ops.operation.stack import OwningStack

if TYPE_CHECKING:
    import boto3

_GOOD_STACK = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_GOOD_STACK_BEING_TIDIED = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        subject: what.
        passed: whether it is as it should be; None where it could not be looked at.
        found: what was found, in a few words.
    """

    subject: str
    passed: bool | None
    found: str


class Verification:
    """Looks at one endpoint after a deployment.

    SageMaker may take an update back while the deployment counts as a success, and an endpoint
    whose `/ping` answers may hold a model that does not: so config, answers, scaling and alarms are
    looked at themselves.

    Args:
        session: where the endpoint is.
        endpoint_name: its name.
        golden: a request and its answer; None asks nothing.
        config: the config that has to be live; None is the one of the endpoint's stack.
    """

    def __init__(
        self,
        session: "boto3.Session",
        endpoint_name: str,
        *,
        golden: Golden | None = None,
        config: str | None = None,
    ) -> None:
        self._session = session
        self._endpoint = LiveEndpoint(session, endpoint_name)
        self._golden = golden
        self._config = config

    def run(self) -> list[Check]:
        """Looks at everything.

        Raises:
            CommandError: there is no such endpoint, or AWS does not answer.
        """
        described = self._endpoint.described
        stack = OwningStack.of(self._session, described["EndpointArn"])
        checks = [self._status(), *self._of_stack(stack)]
        if self._endpoint.config_name is None:
            return checks
        return [*checks, *self._fleet(), *self._scaling(stack), *self._answers(), self._alarms()]

    def _status(self) -> Check:
        status = self._endpoint.status
        reason = self._endpoint.described.get("FailureReason")
        found = status if reason is None else f"{status}: {reason}"
        return Check(subject="status", passed=status == "InService", found=found)

    def _of_stack(self, stack: OwningStack | None) -> Iterator[Check]:
        live, wanted = self._endpoint.config_name, self._config
        if stack is not None:
            good = stack.status in _GOOD_STACK or stack.status == _GOOD_STACK_BEING_TIDIED
            found = f"{stack.name} is {stack.status}"
            yield Check(subject="stack", passed=good, found=found)
            if wanted is None:
                wanted = stack.config_of(self._endpoint.described["EndpointArn"])
        if wanted is None:
            yield Check(
                subject="config",
                passed=None,
                found=f"{live}; no stack tells which it has to be: name it with --config",
            )
        else:
            other = "" if live == wanted else f", and {wanted} was deployed"
            yield Check(subject="config", passed=live == wanted, found=f"{live}{other}")
        if not self._endpoint.config:
            found = "the live config was deleted: deploy again before anything else changes"
            yield Check(subject="live config", passed=False, found=found)

    def _fleet(self) -> Iterator[Check]:
        for variant in self._endpoint.described.get("ProductionVariants", ()):
            if "CurrentInstanceCount" not in variant:
                continue
            now, wanted = variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]
            yield Check(
                subject=f"instances of {variant['VariantName']}",
                passed=now == wanted,
                found=f"{now} of {wanted}",
            )

    def _scaling(self, stack: OwningStack | None) -> Iterator[Check]:
        if stack is None:
            return
        registered = {target["ResourceId"] for target in self._endpoint.targets}
        for resource_id in sorted(stack.scaled(self._endpoint.name)):
            there = resource_id in registered
            what = resource_id.rpartition("/")[2]
            yield Check(
                subject=f"scaling of {what}",
                passed=there,
                found="registered" if there else "not registered: nothing scales it",
            )

    def _answers(self) -> Iterator[Check]:
        if self._golden is None:
            found = "not asked: give --golden FILE"
            yield Check(subject="answer", passed=None, found=found)
            return
        if self._endpoint.is_async:
            found = "not asked: an asynchronous endpoint takes its requests from S3"
            yield Check(subject="answer", passed=None, found=found)
            return
        invocations = Invocations(self._session, self._endpoint.name)
        for variant, component in self._asked():
            subject = f"answer of {component or variant or 'the endpoint'}"
            try:
                answer = invocations.ask(self._golden.to(variant, component))
            except CommandError as error:
                yield Check(subject=subject, passed=False, found=str(error))
                continue
            fault = self._golden.fault_of(answer)
            found = f"as expected, in {answer.milliseconds:.0f} ms"
            yield Check(subject=subject, passed=fault is None, found=fault or found)

    def _asked(self) -> list[tuple[str | None, str | None]]:
        """Variant and component of each request: everything that answers is asked by itself."""
        if self._endpoint.components:
            return [(None, name) for name in self._endpoint.components]
        variants = [
            each["VariantName"] for each in self._endpoint.described.get("ProductionVariants", ())
        ]
        return [(name, None) for name in variants] if len(variants) > 1 else [(None, None)]

    def _alarms(self) -> Check:
        alarms = self._endpoint.alarms
        raised = [alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM"]
        found = f"{len(alarms)}, none in ALARM" if not raised else f"in ALARM: {', '.join(raised)}"
        return Check(subject="alarms", passed=not raised, found=found)
