"""One endpoint, as SageMaker shows it.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
"""

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

MISSING = "Missing"
IN_SERVICE = "InService"
FAILED = "Failed"
# Nothing but waiting is allowed in these: an endpoint that is being created cannot be deleted.
CHANGING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
# Tags that AWS itself sets cannot be set by anyone else.
_RESERVED = "aws:"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An endpoint, by name.

    Attributes:
        name: its name.
        client: a boto3 client of SageMaker.
    """

    name: str
    client: Any

    @classmethod
    def named(cls, name: str) -> "Endpoint":
        """The endpoint of this name.

        Args:
            name: the name.
        """
        return cls(name=name, client=boto3.client("sagemaker"))

    def describe(self) -> dict[str, Any]:
        """Describes it; one that does not exist has the status `Missing`."""
        try:
            found: dict[str, Any] = self.client.describe_endpoint(EndpointName=self.name)
        except ClientError as error:
            if _says_missing(error):
                return {"EndpointName": self.name, "EndpointStatus": MISSING}
            raise
        return found

    def status(self) -> str:
        """Its status, or `Missing`."""
        status: str = self.describe()["EndpointStatus"]
        return status

    def tags(self, arn: str) -> dict[str, str]:
        """Its tags, but for those that AWS sets.

        Args:
            arn: the endpoint's ARN.
        """
        pages = self.client.get_paginator("list_tags").paginate(ResourceArn=arn)
        return {
            tag["Key"]: tag["Value"]
            for page in pages
            for tag in page["Tags"]
            if not tag["Key"].startswith(_RESERVED)
        }

    def create(self, record: dict[str, Any]) -> str | None:
        """Creates it again.

        Args:
            record: what was kept when it was deleted.

        Returns:
            Why SageMaker refused; None if it began, or had begun already.
        """
        request = {
            "EndpointName": self.name,
            "EndpointConfigName": record["config"],
            "Tags": [{"Key": key, "Value": value} for key, value in record["tags"].items()],
        }
        if record.get("deployment"):
            request["DeploymentConfig"] = record["deployment"]
        try:
            self.client.create_endpoint(**request)
        except ClientError as error:
            message = str(error.response["Error"]["Message"])
            if "already existing" in message:
                return None
            # The account's quota is used up for now.
            if error.response["Error"]["Code"] == "ResourceLimitExceeded":
                return message
            raise
        return None

    def delete(self) -> None:
        """Begins to delete it; its scalable targets go with it, and its config stays.

        https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-delete-with-scaling.html
        """
        try:
            self.client.delete_endpoint(EndpointName=self.name)
        except ClientError as error:
            if not _says_missing(error):
                raise


def _says_missing(error: ClientError) -> bool:
    return str(error.response["Error"]["Message"]).startswith("Could not find endpoint")
