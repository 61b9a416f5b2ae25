"""The tags that CloudFormation puts on what it makes, as GetResources shows them.

On AWS they are tags like others, which nobody else can set. Here they are added where resources are
looked up by tags; the services' own lists of tags do not have them.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from moto.core.resource_tagging import (
    TaggedResource,
    iter_taggable_backends,
    make_tag_matcher,
    match_resource_type,
)

from local_aws.cloudformation.stack import STACK_TYPE, Stack

_PREFIX = "aws:cloudformation:"
_GONE = {"DELETE_COMPLETE", "CREATE_FAILED"}


def install(stacks_of: Callable[[str, str], Iterable[Stack]]) -> None:
    """Put the lookup in the place of moto's.

    Args:
        stacks_of: all stacks of an account and region, the deleted ones as well.
    """
    from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend

    def _get_resources_generator(
        backend: Any,
        tag_filters: list[dict[str, Any]] | None = None,
        resource_type_filters: list[str] | None = None,
        resource_arn_list: list[str] | None = None,
    ) -> Iterator[TaggedResource]:
        own = _system_tags(stacks_of(backend.account_id, backend.region_name))
        wanted = make_tag_matcher(tag_filters)
        for service in iter_taggable_backends(backend.account_id, backend.region_name):
            for found in service.iter_tagged_resources():
                tags = {**(found.tags or {}), **_tags_of(found.arn, own)}
                if (
                    tags
                    and match_resource_type(found.resource_type, resource_type_filters)
                    and wanted(tags)
                    and (not resource_arn_list or found.arn in resource_arn_list)
                ):
                    yield replace(found, tags=tags)

    setattr(
        ResourceGroupsTaggingAPIBackend,
        _get_resources_generator.__name__,
        _get_resources_generator,
    )


def _system_tags(stacks: Iterable[Stack]) -> dict[str, dict[str, str]]:
    """The tags of everything that stacks made and did not delete, by physical id."""
    found: dict[str, dict[str, str]] = {}
    for stack in stacks:
        for event in list(stack.events):
            if event.type == STACK_TYPE or not event.physical_id:
                continue
            # A queue's is its URL, which ends in its name.
            url = event.physical_id.startswith("http")
            name = event.physical_id.rpartition("/")[2] if url else event.physical_id
            if event.status in _GONE:
                found.pop(name, None)
            else:
                found[name] = {
                    f"{_PREFIX}stack-name": stack.name,
                    f"{_PREFIX}stack-id": stack.id,
                    f"{_PREFIX}logical-id": event.logical_id,
                }
    return found


def _tags_of(arn: str, own: dict[str, dict[str, str]]) -> dict[str, str]:
    """A physical id is the ARN itself, or its end: the name of a bucket, of an alarm."""
    resource = arn.split(":", 5)[-1].removesuffix(":*")
    names = (arn, resource, resource.partition("/")[2], resource.partition(":")[2])
    return next((own[name] for name in names if name and name in own), {})
