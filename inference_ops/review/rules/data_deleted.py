"""What holds data stays."""

from collections.abc import Iterator, Mapping

from inference_ops.review.changes import Change
from inference_rules.rule import Fault, Rule

_HOLDS: Mapping[str, str] = {
    "AWS::DynamoDB::Table": "its items",
    "AWS::KMS::Key": "the reading of all that it encrypted",
    "AWS::Logs::LogGroup": "its logs",
    "AWS::S3::Bucket": "its objects",
}


def _check(change: Change) -> Iterator[Fault]:
    for entry in change.resources.values():
        held = _HOLDS.get(entry.type)
        old = change.base.resources.get(entry.logical_id)
        if held is None or old is None:
            continue
        new = change.head.resources.get(entry.logical_id, old)
        replaced = entry.action == "replace"
        if entry.action == "delete":
            detail = f"it is deleted with {held}"
        elif replaced and new.body.get("UpdateReplacePolicy", "Delete") == "Delete":
            detail = f"{', '.join(entry.causes)} replaces it, and the old one goes with {held}"
        else:
            continue
        yield Fault(resource=entry.logical_id, path="", detail=detail)


DATA_DELETED = Rule(
    name="DataDeleted",
    severity="warning",
    description="A bucket, table, log group or key that a change deletes or replaces is lost with "
    "what is in it, unless a policy retains it.",
    fix="set DeletionPolicy and UpdateReplacePolicy to Retain",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html",
    check=_check,
)
