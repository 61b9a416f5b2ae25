"""A review as one JSON object."""

from dataclasses import asdict
from typing import Any

from inference_ops.review.review import Review
from inference_ops.review.words import describe


def as_json(review: Review) -> dict[str, Any]:
    """Give a review as values.

    Args:
        review: The review.
    """
    return {
        "base": review.base,
        "head": review.head,
        "errors": review.errors,
        "stacks": [
            {
                "stack": change.stack or None,
                "file": review.files.get(change.stack),
                "resources": [
                    {
                        "logical_id": entry.logical_id,
                        "type": entry.type,
                        "title": entry.title,
                        "action": entry.action,
                        "says": describe(change, entry),
                        "replaced_by": list(entry.causes) if "replace" in entry.action else [],
                        "properties": [asdict(part) for part in entry.properties],
                    }
                    for entry in change.resources.values()
                    if entry.action != "unchanged"
                ],
                "iam": [dict(row) for row in change.iam],
                "permissions_broadened": change.broadened,
                "security_groups": [dict(row) for row in change.security_groups],
            }
            for change in review.changes
        ],
        "findings": [asdict(finding) for finding in review.findings],
        "cost_usd_per_month": [asdict(cost) for cost in review.costs],
        "nag": None if review.nag is None else asdict(review.nag),
    }
