"""What is known of a stack's name: the stacks that had it, and what they made."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from inference_ops.aws import aws_errors

if TYPE_CHECKING:
    import boto3

# Of a stack, and of a resource.
_DELETED = "DELETE_COMPLETE"
_LEFT = {_DELETED, "DELETE_SKIPPED"}
_NAME, _ID = "aws:cloudformation:stack-name", "aws:cloudformation:stack-id"


@dataclass(frozen=True, kw_only=True)
class Made:
    """Something that a stack made.

    Attributes:
        type: its CloudFormation type; for what was found by its tags only the ARN's service, if
            nothing more is known.
        physical_id: what CloudFormation calls it.
        stack_id: the stack.
        tagged: whether it was found by its tags, so that it is there now, or was a while ago.
        gone: whether the stack deleted it, and only what it caused may be left.
    """

    type: str
    physical_id: str
    stack_id: str
    tagged: bool
    gone: bool = False

    def merged(self, other: "Made", live: str | None) -> "Made":
        """Both in one.

        Args:
            other: the same thing, made by another stack of the name or found in another way.
            live: the stack that exists, if one does.
        """
        return replace(
            self,
            stack_id=other.stack_id if other.stack_id == live else self.stack_id,
            tagged=self.tagged or other.tagged,
            gone=self.gone and other.gone,
        )


class StackHistory:
    """The stacks of a name: CloudFormation remembers deleted ones for 90 days, and tags for ever.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html

    Args:
        session: where they are.
        name: the name, or the ARN of one of them.
    """

    def __init__(self, session: "boto3.Session", name: str) -> None:
        self._session = session
        self._api = session.client("cloudformation")
        self.name = name.split("/")[1] if name.startswith("arn:") and "/" in name else name

    @cached_property
    def stacks(self) -> dict[str, str]:
        """The status of each stack of the name by its id, the deleted ones included."""
        with aws_errors("the stacks"):
            pages = self._api.get_paginator("list_stacks").paginate()
            return {
                each["StackId"]: each["StackStatus"]
                for page in pages
                for each in page["StackSummaries"]
                if each["StackName"] == self.name
            }

    @property
    def live(self) -> str | None:
        """The id of the stack that exists; None where there is none."""
        return next((each for each, status in self.stacks.items() if status != _DELETED), None)

    @property
    def status(self) -> str | None:
        """The status of the stack that exists."""
        return None if self.live is None else self.stacks[self.live]

    def made(self) -> list[Made]:
        """Everything that the stacks made and that may be there, or have caused something."""
        found: dict[tuple[str, str], Made] = {}
        for each in (*self._listed(), *self._tagged()):
            key = (each.type, each.physical_id)
            # What several stacks of the name had is there unless each one deleted it.
            found[key] = each if key not in found else each.merged(found[key], self.live)
        return list(found.values())

    def _listed(self) -> Iterator[Made]:
        for stack_id, status in self.stacks.items():
            if status != _DELETED:
                continue
            with aws_errors(f"the resources of {stack_id}"):
                pages = self._api.get_paginator("list_stack_resources")
                found = pages.paginate(StackName=stack_id).build_full_result()
            for each in found["StackResourceSummaries"]:
                if each.get("PhysicalResourceId"):
                    yield Made(
                        type=each["ResourceType"],
                        physical_id=each["PhysicalResourceId"],
                        stack_id=stack_id,
                        tagged=False,
                        gone=each["ResourceStatus"] == _DELETED,
                    )

    def _tagged(self) -> Iterator[Made]:
        from inference_ops.operation.leftover_kinds import type_and_id

        api = self._session.client("resourcegroupstaggingapi")
        filters = [{"Key": _NAME, "Values": [self.name]}]
        with aws_errors("what carries the stack's tags"):
            pages = api.get_paginator("get_resources").paginate(TagFilters=filters)
            found = [each for page in pages for each in page["ResourceTagMappingList"]]
        for each in found:
            tags = {tag["Key"]: tag["Value"] for tag in each["Tags"]}
            resource_type, physical_id = type_and_id(each["ResourceARN"])
            yield Made(
                type=resource_type,
                physical_id=physical_id,
                stack_id=tags.get(_ID, ""),
                tagged=True,
            )


class LiveOwners:
    """Which stack owns a resource now; each is asked for once.

    Args:
        session: where they are.
    """

    def __init__(self, session: "boto3.Session") -> None:
        self._api = session.client("cloudformation")
        self._known: dict[str, str | None] = {}

    def of(self, physical_id: str) -> str | None:
        """The name of the stack that has a resource; None if none has.

        Args:
            physical_id: what CloudFormation calls it.
        """
        if physical_id not in self._known:
            self._known[physical_id] = self._ask(physical_id)
        return self._known[physical_id]

    def _ask(self, physical_id: str) -> str | None:
        from botocore.exceptions import ClientError

        with aws_errors(f"the stack of {physical_id}"):
            try:
                found: Any = self._api.describe_stack_resources(PhysicalResourceId=physical_id)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ValidationError":
                    raise
                return None
        # A deleted stack may be told for as long as it is remembered: it owns nothing any more.
        # Of a large one only the first hundred are told; what is not among them counts as owned.
        for each in found["StackResources"]:
            if each.get("PhysicalResourceId") == physical_id:
                return None if each["ResourceStatus"] in _LEFT else str(each["StackName"])
        return next((str(each["StackName"]) for each in found["StackResources"]), None)
