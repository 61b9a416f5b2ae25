"""Finds what a stack left in the account, and takes it away."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from inference_ops.aws import aws_errors
from inference_ops.errors import CommandError
from inference_ops.operation.cleanup import CAPTURED, Cleanup, Leftover
from inference_ops.operation.leftover_kinds import (
    ALIASES,
    CONFIG,
    ENDPOINT,
    KINDS,
    LOG_GROUP,
    MODEL,
    Kind,
)
from inference_ops.operation.stack_history import LiveOwners, Made, StackHistory
from inference_ops.operation.users import Users

if TYPE_CHECKING:
    import boto3

_FUNCTION = "AWS::Lambda::Function"
_ENDPOINT_LOGS, _FUNCTION_LOGS = "/aws/sagemaker/Endpoints/", "/aws/lambda/"
# Whatever CloudFormation names by itself ends so: the logical id, and twelve or so at random.
_MADE_UP = r"-[A-Za-z0-9]+-(?=[A-Za-z0-9]*[A-Z0-9])[A-Za-z0-9]{12,13}"
# They come and go with their stack, and are no resources of an account.
_NO_RESOURCE = re.compile(r"AWS::(CDK|CloudFormation)::|Custom::")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Something that is found and not deleted.

    Attributes:
        kind: what it is.
        name: its name.
        why: why it stays.
        left: whether the stack left it: it belongs to nobody, and somebody has to look at it.
    """

    kind: str
    name: str
    why: str
    left: bool = False

    def to_json(self) -> dict[str, str]:
        """Kind, name and reason."""
        return {"kind": self.kind, "name": self.name, "why": self.why}


@dataclass(kw_only=True)
class Left:
    """What was found.

    Attributes:
        leftovers: what can be deleted, in the order in which it can.
        data: likewise, of what cannot be made again.
        kept: what stays.
    """

    leftovers: list[Leftover] = field(default_factory=list)
    data: list[Leftover] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)

    def add(self, leftover: Leftover, *, data: bool) -> None:
        """Notes what can be deleted, once.

        Args:
            leftover: what.
            data: whether it cannot be made again.
        """
        there = {(each.kind, each.name) for each in (*self.leftovers, *self.data)}
        if (leftover.kind, leftover.name) not in there:
            (self.data if data else self.leftovers).append(leftover)

    def keep(self, kept: Kept) -> None:
        """Notes what stays, once.

        Args:
            kept: what.
        """
        if (kept.kind, kept.name) not in {(each.kind, each.name) for each in self.kept}:
            self.kept.append(kept)


class StackCleanup:
    """Cleans up after the stacks of a name, anyone's.

    Found is what CloudFormation's list of a deleted stack says, what carries the stack's tags, and
    what these caused: an endpoint's targets, alarms, logs and captured data, a function's logs.
    What a stack owns now, or another endpoint or config uses, is told and stays.

    Args:
        session: where the stack is or was.
        name: its name or ARN.
    """

    def __init__(self, session: "boto3.Session", name: str) -> None:
        self._session = session
        self.history = StackHistory(session, name)

    def refuse_live(self, found: Left) -> None:
        """Refuses a stack that exists and left nothing before.

        Args:
            found: what was found.

        Raises:
            CommandError: it does.
        """
        name, status = self.history.name, self.history.status
        if status is not None and not (found.leftovers or found.data):
            raise CommandError(
                f"stack {name} is {status}, and what it made belongs to it: run `cdk destroy "
                f"{name}`, and then look again"
            )

    def find(self) -> Left:
        """Looks everything up.

        Raises:
            CommandError: AWS does not let us look.
        """
        found = Left()
        made = self.history.made()
        owners = LiveOwners(self._session)
        for endpoint in made:
            if endpoint.type == ENDPOINT:
                self._endpoint(endpoint, made, owners, found)
        resources = [each for each in made if each.type not in {ENDPOINT, _FUNCTION}]
        resources += [
            Made(type=LOG_GROUP, physical_id=group, stack_id="", tagged=False)
            for group in self._log_groups(made, owners)
        ]
        users = Users(self._session, {each.name for each in found.leftovers})
        for resource_type, kind in KINDS.items():
            for each in resources:
                if ALIASES.get(each.type, each.type) == resource_type and not each.gone:
                    self._resource(each, kind, owners, users, found)
        tagged = {_end_of(each.physical_id) for each in made if each.tagged}
        for each in made:
            # Of what was found in both ways the tags tell more: it is there.
            if each.tagged or _end_of(each.physical_id) not in tagged:
                self._other(each, owners, found)
        return found

    def delete(self, leftovers: list[Leftover], tell: Callable[[str], None]) -> None:
        """Deletes all of it.

        Args:
            leftovers: what `find` found.
            tell: is told of each.

        Raises:
            CommandError: AWS refuses.
        """
        for leftover in leftovers:
            tell(f"deleting {leftover.kind} {leftover.name}")
            with aws_errors(f"{leftover.kind} {leftover.name}"):
                leftover.delete()

    def _owner(self, made: Made, owners: LiveOwners) -> str | None:
        """The stack that has it now, or whose history has: a live one keeps earlier models."""
        owner = owners.of(made.physical_id)
        if owner is None and made.stack_id == self.history.live:
            return self.history.name
        return owner

    def _endpoint(self, made: Made, every: list[Made], owners: LiveOwners, found: Left) -> None:
        name = self._cased(made.physical_id.rpartition("/")[2])
        owner = self._owner(made, owners)
        if owner is not None:
            found.keep(Kept(kind="endpoint", name=name, why=f"belongs to stack {owner}"))
            return
        configs = tuple(
            each.physical_id.rpartition("/")[2]
            for each in every
            if each.type == CONFIG and not each.gone and self._owner(each, owners) is None
        )
        cleanup = Cleanup(self._session, name, configs=configs, data=True)
        leftovers = cleanup.find()
        if made.gone and any(each.kind == "endpoint" for each in leftovers):
            why = "another one than the stack's, which deleted its own"
            found.keep(Kept(kind="endpoint", name=name, why=why))
            return
        for leftover in leftovers:
            owner = owners.of(leftover.name)
            if owner is None:
                found.add(leftover, data=leftover.kind == CAPTURED)
            else:
                why = f"belongs to stack {owner}"
                found.keep(Kept(kind=leftover.kind, name=leftover.name, why=why))

    def _resource(
        self, made: Made, kind: Kind, owners: LiveOwners, users: Users, found: Left
    ) -> None:
        name = kind.find(self._session, made.physical_id)
        if name is None:
            return
        owner = self._owner(made, owners)
        used = users.of(made.type, name) if made.type in {CONFIG, MODEL} else None
        if owner is not None or used is not None:
            why = f"belongs to stack {owner}" if owner is not None else f"is used by {used}"
            found.keep(Kept(kind=kind.name, name=name, why=why))
            return
        delete = partial(kind.delete, self._session, name)
        found.add(Leftover(kind=kind.name, name=name, delete=delete), data=kind.data)
        users.leave(name)

    def _other(self, made: Made, owners: LiveOwners, found: Left) -> None:
        """What was retained and is of a kind that nothing is known of here."""
        known = {*KINDS, *ALIASES, ENDPOINT, "AWS::ApplicationAutoScaling::ScalableTarget"}
        if made.gone or made.type in known or _NO_RESOURCE.match(made.type):
            return
        owner = self._owner(made, owners)
        if owner is not None:
            why = f"belongs to stack {owner}"
        elif made.tagged:
            why = "is of a kind that this command does not delete"
        else:
            why = "was retained, and is of a kind that this command does not look up"
        found.keep(
            Kept(
                kind=made.type,
                name=made.physical_id,
                why=why,
                left=owner is None and made.tagged,
            )
        )

    def _log_groups(self, made: list[Made], owners: LiveOwners) -> Iterator[str]:
        """The groups that services made for what the stack had deployed."""
        for each in made:
            if each.type == _FUNCTION and each.gone and owners.of(each.physical_id) is None:
                yield f"{_FUNCTION_LOGS}{each.physical_id}"
        if self.history.live is not None:
            return
        # Those of a stack that CloudFormation has forgotten.
        made_up = re.compile(re.escape(self.history.name) + _MADE_UP)
        for place in (_FUNCTION_LOGS, _ENDPOINT_LOGS):
            for group in self._groups(f"{place}{self.history.name}-"):
                name = group.removeprefix(place)
                if made_up.fullmatch(name) and owners.of(name) is None:
                    yield group

    def _groups(self, prefix: str) -> list[str]:
        with aws_errors(f"the log groups {prefix}"):
            pages = self._session.client("logs").get_paginator("describe_log_groups")
            found: dict[str, Any] = pages.paginate(logGroupNamePrefix=prefix).build_full_result()
        return [each["logGroupName"] for each in found["logGroups"]]

    def _cased(self, name: str) -> str:
        """An endpoint's name as it was given: ARNs have it in lower case."""
        names = self._groups(_ENDPOINT_LOGS)
        with aws_errors("the endpoints"):
            pages = self._session.client("sagemaker").get_paginator("list_endpoints").paginate()
            names += [each["EndpointName"] for page in pages for each in page["Endpoints"]]
        cased = (each.removeprefix(_ENDPOINT_LOGS) for each in names)
        return next((each for each in cased if each.lower() == name.lower()), name)


def _end_of(physical_id: str) -> str:
    """The name at the end of an ARN or URL."""
    return physical_id.rpartition("/")[2].rpartition(":")[2]
