"""DynamoDB of the local AWS: moto's tables, on which a condition and its write are one step."""

from __future__ import annotations

from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.responses import DynamoHandler

from local_aws.serialized import serialize
from local_aws.subsystem import Subsystem

_WRITES = ("put_item", "update_item", "delete_item", "transact_write_items")


class DynamoDB(Subsystem):
    """Serializes writes: moto looks at a condition first and writes then, in many threads."""

    def install(self) -> None:
        """Put a lock around every write."""
        serialize(DynamoDBBackend, _WRITES)
        stock = DynamoHandler.update_table

        def update_table(response: Any) -> Any:
            """UpdateTable: moto leaves the encryption as it was."""
            encryption = response.body.get("SSESpecification")
            if encryption is not None:
                backend = response.dynamodb_backend
                table = backend.get_table(response.body["TableName"])
                own = table._get_default_encryption_key(backend.account_id, backend.region_name)
                table.sse_specification = {"KMSMasterKeyId": own, **encryption}
            return stock(response)

        setattr(DynamoHandler, update_table.__name__, update_table)
