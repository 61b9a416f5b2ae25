"""What is replaced has no fixed name."""

from collections.abc import Iterator

from inference_ops.review.changes import Change
from inference_rules.rule import Fault, Rule
from inference_rules.template import NAME_PROPERTIES


def _check(change: Change) -> Iterator[Fault]:
    for entry in change.resources.values():
        old = change.base.resources.get(entry.logical_id)
        new = change.head.resources.get(entry.logical_id)
        if entry.action != "replace" or old is None or new is None:
            continue
        name_property = NAME_PROPERTIES.get(new.type, "")
        name = new.get(name_property)
        # A name that holds that of another replaced resource changes with it.
        changes = change.property(entry.logical_id, name_property) is not None
        if name is not None and name == old.get(name_property) and not changes:
            yield Fault(
                resource=entry.logical_id,
                path=f"Properties/{name_property}",
                detail=f"{', '.join(entry.causes)} replaces it, and {name} is taken by the old one",
            )


FIXED_NAME_REPLACED = Rule(
    name="FixedNameReplaced",
    severity="error",
    description="CloudFormation makes the successor of a resource before it deletes the old one: "
    "with the same fixed name that fails.",
    fix="leave the name out, or change it together with what replaces the resource",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html",
    check=_check,
)
