"""A review in SARIF 2.1.0, which code scanning takes.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/
"""

import hashlib
import re
from pathlib import Path
from typing import Any

from inference_ops.review.findings import Finding
from inference_ops.review.review import Review
from inference_ops.review.rules import CHANGE_RULES
from inference_rules import RULES, Rule

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(review: Review) -> dict[str, Any]:
    """Give a review as a SARIF log.

    Args:
        review: The review.
    """
    rules: list[Rule[Any]] = [*RULES, *CHANGE_RULES]
    index = {rule.name: number for number, rule in enumerate(rules)}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "inference review",
                        "rules": [
                            {
                                "id": rule.name,
                                "shortDescription": {"text": rule.description},
                                "help": {"text": rule.fix},
                                "helpUri": rule.source,
                                "defaultConfiguration": {"level": rule.severity},
                            }
                            for rule in rules
                        ],
                    }
                },
                "results": [
                    _result(review, finding, index[finding.rule]) for finding in review.findings
                ],
            }
        ],
    }


def _result(review: Review, finding: Finding, index: int) -> dict[str, Any]:
    file = review.files.get(finding.stack, review.head)
    identity = "\n".join((finding.rule, finding.stack, finding.resource, finding.path))
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": f"{finding.title}: {finding.detail}. To mend it, {finding.fix}."},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": Path(file).as_posix()},
                    "region": {"startLine": _line(file, finding.resource)},
                },
                "logicalLocations": [
                    {
                        "name": finding.resource,
                        "fullyQualifiedName": "/".join(
                            part for part in (finding.stack, finding.resource, finding.path) if part
                        ),
                        "kind": "resource",
                    }
                ],
            }
        ],
        "baselineState": "new" if finding.new else "unchanged",
        "partialFingerprints": {"finding/v1": hashlib.sha256(identity.encode()).hexdigest()},
    }
    if finding.acknowledged is not None:
        result["suppressions"] = [{"kind": "external", "justification": finding.acknowledged}]
    return result


def _line(file: str, logical_id: str) -> int:
    """Where the resource is declared; the first line if the file is not at hand."""
    path = Path(file)
    if not path.is_file():
        return 1
    declared = re.compile(rf"""\s*["']?{re.escape(logical_id)}["']?\s*:""")
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if declared.match(line)), 1)
