"""Templates that are as they should be, and edits of them."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inference_ops.templates import load_templates

HERE = Path(__file__).parent

Body = dict[str, Any]
Edit = Mapping[str, Any]


def healthy(name: str) -> Body:
    """One of the templates that no rule complains of."""
    (template,) = load_templates(HERE / "templates" / f"{name}.yaml")
    return dict(copy.deepcopy(template.content))


def edited(body: Body, edits: Sequence[Edit]) -> Body:
    """A copy with one property after the other set, or taken out if no value is given."""
    changed = copy.deepcopy(body)
    for edit in edits:
        *path, last = (int(step) if step.isdigit() else step for step in edit["at"].split("/"))
        place: Any = changed
        for step in path:
            place = place[step]
        if "value" not in edit:
            del place[last]
        elif isinstance(place, list) and last == len(place):
            place.append(edit["value"])
        else:
            place[last] = edit["value"]
    return changed
