"""``AWS::DynamoDB::GlobalTable``, with its one replica in the stack's own region."""

from __future__ import annotations

from local_aws.cloudformation.provider import Context, Created, Properties, ResourceError
from local_aws.cloudformation.providers.dynamodb import Table

# What stands at the replica here and at the table itself in ``AWS::DynamoDB::Table``.
OF_REPLICA = (
    "DeletionProtectionEnabled",
    "PointInTimeRecoverySpecification",
    "TableClass",
    "Tags",
)


class GlobalTable(Table):
    """A table that could have replicas elsewhere; ``Ref`` is its name."""

    type_names = ("AWS::DynamoDB::GlobalTable",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the table in the one region that there is."""
        return super().create(context, _of_one_region(properties))

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the table."""
        return super().update(context, physical_id, _of_one_region(old), _of_one_region(new))


def _of_one_region(properties: Properties) -> Properties:
    """The properties as ``AWS::DynamoDB::Table`` has them."""
    found = dict(properties)
    replicas = found.pop("Replicas")
    if len(replicas) != 1:
        raise ResourceError("property /Replicas with other regions is not supported")
    if "WriteProvisionedThroughputSettings" in found:
        raise ResourceError(
            "property /WriteProvisionedThroughputSettings is not supported by the local AWS"
        )
    [replica] = replicas
    found |= {name: replica[name] for name in OF_REPLICA if name in replica}
    return found
