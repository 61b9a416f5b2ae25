"""Changes one member of a JSON object in a text and leaves every other byte of it alone."""

import json
import re

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def set_member(text: str, key: str, value: object) -> str:
    """Set a member of the outermost object.

    Args:
        text: The document; empty counts as `{}`.
        key: The member's key. Where it exists its value is replaced in place, else it is appended.
        value: Anything that JSON can hold; written with the document's own indentation.

    Returns:
        The changed document.

    Raises:
        ValueError: The text is not a JSON object.
    """
    if not text.strip():
        text = "{}\n"
    start, members = _members(text)
    indent = _indentation(text, start, members)
    newline = "\r\n" if "\r\n" in text else "\n"
    rendered = json.dumps(value, indent=indent, ensure_ascii=False).replace(
        "\n", newline + (indent or "")
    )
    for name, (_, begin, end) in members.items():
        if name == key:
            return text[:begin] + rendered + text[end:]
    line = newline + indent if indent is not None else ""
    member = f"{json.dumps(key, ensure_ascii=False)}: {rendered}"
    if members:
        end = max(span[2] for span in members.values())
        return text[:end] + "," + (line or " ") + member + text[end:]
    closing = text.index("}", start)
    return text[: start + 1] + line + member + (newline if line else "") + text[closing:]


def _members(text: str) -> tuple[int, dict[str, tuple[int, int, int]]]:
    """Find the outermost `{`, and per key where the member begins and where its value is."""
    json.loads(text)  # The scan below trusts the syntax.
    start = _skip(text, 0)
    if text[start] != "{":
        raise ValueError("the document is not an object")
    members: dict[str, tuple[int, int, int]] = {}
    at = _skip(text, start + 1)
    while text[at] != "}":
        begin = at
        key, at = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, value)
        members[key] = (begin, value, end)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return start, members


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _indentation(text: str, start: int, members: dict[str, tuple[int, int, int]]) -> str | None:
    if not members:
        return "  "  # As the CDK CLI writes the file.
    begin = min(span[0] for span in members.values())
    gap = text[start + 1 : begin]
    return gap.rpartition("\n")[2] if "\n" in gap else None
