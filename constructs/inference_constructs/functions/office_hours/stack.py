"""The endpoint's own stack: whether something is being done to it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError


@dataclass(frozen=True, kw_only=True)
class StackStatus:
    """The status of a stack.

    Attributes:
        text: such as `UPDATE_IN_PROGRESS`.
    """

    text: str

    @classmethod
    def of(cls, stack_id: str) -> "StackStatus":
        """Looks a stack up.

        Args:
            stack_id: the stack's ARN.
        """
        client: Any = boto3.client("cloudformation")
        try:
            [found] = client.describe_stacks(StackName=stack_id)["Stacks"]
        except ClientError as error:
            if "does not exist" not in error.response["Error"]["Message"]:
                raise
            return cls(text="DELETE_COMPLETE")
        return cls(text=found["StackStatus"])

    @property
    def is_busy(self) -> bool:
        """Whether a deployment is under way, its rollback and its clean-up included."""
        return self.text.endswith("_IN_PROGRESS")

    @property
    def is_at_rest(self) -> bool:
        """Whether the last deployment ended well, or was rolled back to the end.

        A stack that failed half-way is not: whoever repairs it may need the endpoint.
        """
        return self.text.endswith("_COMPLETE")

    @property
    def is_rolling_back(self) -> bool:
        """Whether a deployment failed and is being undone."""
        return "ROLLBACK" in self.text and self.is_busy

    @property
    def is_going(self) -> bool:
        """Whether the whole stack is being deleted, or a first deployment of it undone."""
        return self.text in {"DELETE_IN_PROGRESS", "DELETE_COMPLETE", "ROLLBACK_IN_PROGRESS"}
