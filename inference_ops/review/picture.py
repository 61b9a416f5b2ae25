"""A stack as a picture: its resources as boxes, grouped by what they are for."""

from collections.abc import Mapping, Sequence
from html import escape

from inference_ops.review.changes import Action, Change
from inference_ops.review.sections import SIGNS
from inference_rules import Resource, Template

_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Hosting": ("AWS::SageMaker::",),
    "Scaling": ("AWS::ApplicationAutoScaling::", "Custom::EndpointScaling"),
    "Alarms and dashboards": ("AWS::CloudWatch::", "AWS::SNS::"),
    "Workflows and functions": (
        ("AWS::StepFunctions::", "AWS::Lambda::", "AWS::Events::", "AWS::Scheduler::", "Custom::")
    ),
    "Permissions": ("AWS::IAM::",),
    "Data and keys": ("AWS::S3::", "AWS::KMS::", "AWS::Logs::", "AWS::SSM::", "AWS::DynamoDB::"),
    "Network": ("AWS::EC2::",),
}
_REST = "More"
# What stands first in its group: what a caller sees.
_ORDER = ("Endpoint", "EndpointConfig", "Model")

_WIDTH, _HEIGHT, _GAP, _TOP, _MARGIN = 300, 40, 8, 26, 30
_LETTERS = 36
# Boxes that did not change, before the rest of them becomes one box.
_MOST_UNCHANGED = 4


def picture(change: Change, *, after: bool) -> str:
    """Draw a stack.

    Args:
        change: The change.
        after: Whether the stack is drawn as it is after the change.

    Returns:
        An SVG for each group: a page puts them side by side, or one below the other.
    """
    template = change.head if after else change.base
    groups: dict[str, list[Resource]] = {}
    for resource in template.resources.values():
        groups.setdefault(_group(resource), []).append(resource)
    return "\n".join(
        _draw(name, groups[name], change, template) for name in (*_GROUPS, _REST) if name in groups
    )


def _group(resource: Resource) -> str:
    for name, prefixes in _GROUPS.items():
        if resource.type.startswith(prefixes):
            return name
    return _REST


def _draw(name: str, resources: Sequence[Resource], change: Change, template: Template) -> str:
    shown, hidden = _chosen(resources, change)
    boxes = {resource.logical_id: index for index, resource in enumerate(shown)}
    parts = [
        _box(resource, _action(change, resource), index) for index, resource in enumerate(shown)
    ]
    parts += _arrows(boxes, template)
    count = len(shown)
    if hidden:
        y = _y(count)
        parts.append(f'<text class="more" x="{_MARGIN}" y="{y + 18}">and {hidden} unchanged</text>')
        count += 1
    height = _y(count)
    label = escape(f"{name}: {len(resources)} resources")
    return (
        f'<svg viewBox="0 0 {_MARGIN + _WIDTH + 2} {height}" role="img" aria-label="{label}">'
        f'<text class="group" x="{_MARGIN}" y="16">{escape(name)}</text>{"".join(parts)}</svg>'
    )


def _chosen(resources: Sequence[Resource], change: Change) -> tuple[list[Resource], int]:
    unchanged = [entry for entry in resources if _action(change, entry) == "unchanged"]
    unchanged.sort(key=_rank)
    # One that is hidden takes as much room as the line that says so.
    few = len(unchanged) <= _MOST_UNCHANGED + 1
    kept = unchanged if few else unchanged[:_MOST_UNCHANGED]
    shown = [entry for entry in resources if entry not in unchanged or entry in kept]
    return sorted(shown, key=_rank), len(unchanged) - len(kept)


def _rank(resource: Resource) -> int:
    kind = _kind(resource)
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _kind(resource: Resource) -> str:
    return resource.type.rpartition("::")[2]


def _action(change: Change, resource: Resource) -> Action:
    entry = change.resources.get(resource.logical_id)
    return "unchanged" if entry is None else entry.action


def _box(resource: Resource, action: Action, index: int) -> str:
    y = _y(index)
    sign = SIGNS.get(action, "")
    mark = f'<text class="sign" x="{_MARGIN + _WIDTH - 20}" y="{y + 26}">{sign}</text>'
    return (
        f'<g class="box {action.replace(" ", "-")}">'
        f"<title>{escape(f'{resource.logical_id} ({resource.type}): {action}')}</title>"
        f'<rect x="{_MARGIN}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
        f'<text class="name" x="{_MARGIN + 10}" y="{y + 17}">{escape(_short(resource.title))}'
        f'</text><text class="kind" x="{_MARGIN + 10}" y="{y + 32}">{escape(_kind(resource))}'
        f"</text>{mark if sign else ''}</g>"
    )


def _arrows(boxes: Mapping[str, int], template: Template) -> list[str]:
    """A line in the margin from each box to those of its group that it refers to."""
    pairs = sorted(
        (boxes[user], boxes[used])
        for user in boxes
        for used in template.references.get(user, ())
        if used in boxes and used != user
    )
    found = []
    for lane, (user, used) in enumerate(pairs):
        # Three lanes, so that lines that cross stay apart.
        x = _MARGIN - 8 - 7 * (lane % 3)
        start, end = _y(user) + _HEIGHT // 2 + 6, _y(used) + _HEIGHT // 2 - 6
        tip = f"{_MARGIN - 5},{end - 3} {_MARGIN},{end} {_MARGIN - 5},{end + 3}"
        found.append(
            f'<path class="line" d="M{_MARGIN} {start}H{x}V{end}H{_MARGIN - 2}"/>'
            f'<polygon class="tip" points="{tip}"/>'
        )
    return found


def _y(index: int) -> int:
    return _TOP + index * (_HEIGHT + _GAP)


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"…{text[1 - _LETTERS :]}"
