"""What a rule's target receives: the event, a part of it, or a text made from it.

See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_VARIABLE = re.compile(r"<([\w.-]+)>")


def payload(target: Mapping[str, Any], event: Mapping[str, Any], *, rule_arn: str) -> str:
    """The text that a target receives.

    Args:
        target: with at most one of Input, InputPath and InputTransformer.
        event: the event.
        rule_arn: the rule that matched.
    """
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath") is not None:
        return _json(_selected(target["InputPath"], event))
    if target.get("InputTransformer") is not None:
        return _transformed(target["InputTransformer"], event, rule_arn)
    return _json(event)


def _transformed(transformer: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str) -> str:
    values = {
        name: _selected(path, event)
        for name, path in (transformer.get("InputPathsMap") or {}).items()
    }
    values["aws.events.rule-arn"] = rule_arn
    values["aws.events.rule-name"] = rule_arn.rpartition("/")[2]
    values["aws.events.event.ingestion-time"] = event["time"]
    values["aws.events.event.json"] = event
    values["aws.events.event"] = {name: part for name, part in event.items() if name != "detail"}
    return filled(transformer["InputTemplate"], values)


def filled(template: str, values: Mapping[str, Any]) -> str:
    """A template with its variables replaced.

    Within quotes a text is put in as it is, and anything else as escaped JSON; outside of them
    everything is JSON. What is not in ``values`` becomes null, or nothing within quotes.
    """
    parts, position = [], 0
    for match in _VARIABLE.finditer(template):
        parts.append(template[position : match.start()])
        value = values.get(match[1])
        parts.append(_quoted(value) if _inside_quotes("".join(parts)) else _json(value))
        position = match.end()
    return "".join(parts) + template[position:]


def _inside_quotes(text: str) -> bool:
    return text.replace("\\\\", "").replace('\\"', "").count('"') % 2 == 1


def _quoted(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else _json(value)
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _selected(path: str, event: Mapping[str, Any]) -> Any:
    """What ``$.detail.items[0]`` names; None if the event has no such thing."""
    value: Any = event
    for name, index in _STEP.findall(path.removeprefix("$")):
        if name and isinstance(value, Mapping):
            value = value.get(name)
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        else:
            return None
    return value


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
