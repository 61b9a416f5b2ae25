"""What has to outlive the endpoint: what the hours say, and what to make it again from.

Both are SSM parameters that no template holds: CloudFormation would set them back whenever it
touches them, if only for a tag.
"""

import json
from dataclasses import dataclass
from typing import Any

import boto3

OPEN = "open"
CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The two parameters.

    Attributes:
        prefix: what their names begin with, such as `/office-hours/shop`.
        client: a boto3 client of SSM.
    """

    prefix: str
    client: Any

    @classmethod
    def at(cls, prefix: str) -> "Memory":
        """The parameters below a prefix.

        Args:
            prefix: what their names begin with.
        """
        return cls(prefix=prefix, client=boto3.client("ssm"))

    def hours(self) -> str | None:
        """What the hours say: `open` or `closed`; None before the first, and when all is gone."""
        return self._get("hours")

    def say(self, hours: str) -> None:
        """Keeps what the hours say.

        Args:
            hours: `open` or `closed`.
        """
        self._put("hours", hours)

    def record(self, endpoint_name: str) -> dict[str, Any] | None:
        """What was kept when the endpoint was deleted.

        Args:
            endpoint_name: the endpoint; the record of another one, after which a deployment named
                this one, is none.
        """
        text = self._get("record")
        if text is None:
            return None
        found: dict[str, Any] = json.loads(text)
        return found if found["endpoint"] == endpoint_name else None

    def keep(self, record: dict[str, Any]) -> None:
        """Keeps what the endpoint is made again from.

        Args:
            record: `endpoint`, `config`, `tags` and, if there is one, `deployment`.

        Raises:
            ClientError: it is longer than a parameter may be, which is 8 KB; nothing is deleted
                then.
        """
        self._put("record", json.dumps(record, separators=(",", ":")))

    def forget(self) -> None:
        """Deletes both."""
        self.client.delete_parameters(Names=[f"{self.prefix}/hours", f"{self.prefix}/record"])

    def _get(self, name: str) -> str | None:
        try:
            found = self.client.get_parameter(Name=f"{self.prefix}/{name}")
        except self.client.exceptions.ParameterNotFound:
            return None
        value: str = found["Parameter"]["Value"]
        return value

    def _put(self, name: str, value: str) -> None:
        self.client.put_parameter(
            Name=f"{self.prefix}/{name}",
            Value=value,
            Type="String",
            # Up to 4 KB it costs nothing.
            Tier="Intelligent-Tiering",
            Overwrite=True,
        )
