"""A role that is there may do no more than before."""

import re
from collections.abc import Iterator, Mapping

from inference_ops.review.changes import Change
from inference_rules.rule import Fault, Rule

_LOGICAL_ID = re.compile(r"\$\{([A-Za-z0-9]+)(?:\.[A-Za-z.]+)?\}")


def _check(change: Change) -> Iterator[Fault]:
    gone = [row for row in change.iam if row["sign"] == "-"]
    for row in change.iam:
        if row["sign"] != "+" or row["effect"] == "Deny":
            continue
        owner, gained = _owner(change, row), _gained(row, gone)
        if owner is not None and gained:
            # A managed policy has no resource of its own: there it is the role.
            where = f" on {', '.join(row['resource'].splitlines())}" if row["effect"] else ""
            yield Fault(resource=owner, path="", detail=f"gets {', '.join(gained)}{where}")


def _gained(row: Mapping[str, str], gone: list[Mapping[str, str]]) -> list[str]:
    """The actions that no statement allowed that is the same otherwise."""
    same = ("resource", "effect", "principal", "condition")
    had = {
        action
        for old in gone
        if all(old[key] == row[key] for key in same)
        for action in old["action"].splitlines()
    }
    return [action for action in row["action"].splitlines() if action not in had]


def _owner(change: Change, row: Mapping[str, str]) -> str | None:
    """Who gets it, if that was there before: a new role needs what it gets."""
    principals = _LOGICAL_ID.findall(row["principal"])
    # A managed policy names its role as the resource; a policy of a bucket names anyone.
    for logical_id in principals or _LOGICAL_ID.findall(row["resource"]):
        if logical_id in change.base.resources:
            return str(logical_id)
    return None


WIDER_PERMISSIONS = Rule(
    name="WiderPermissions",
    severity="warning",
    description="Somebody who is there already may do more after this change: a reviewer looks at "
    "each such line.",
    fix="ask whether it is needed",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
    check=_check,
)
