"""Types that make nothing: the metadata of the CDK and the handle of a wait condition."""

from __future__ import annotations

from urllib.parse import quote

from local_aws.cloudformation.provider import Context, Created, Properties, Provider


class Metadata(Provider):
    """What the CDK notes about the constructs of a stack."""

    type_names = ("AWS::CDK::Metadata",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Only the stack knows of it."""
        del properties
        return Created(physical_id=context.generated_name())

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Only the stack knows of it."""
        del context, old, new
        return Created(physical_id=physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """There is nothing to delete."""


class WaitConditionHandle(Metadata):
    """A handle that nobody waits on; ``Ref`` is the URL to signal to."""

    type_names = ("AWS::CloudFormation::WaitConditionHandle",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the URL; it differs for each handle."""
        del properties
        path = quote(f"{context.stack_id}/{context.logical_id}/{context.token}", safe="")
        return Created(physical_id=f"{context.cloud.endpoint_url}/waitcondition/{path}")
