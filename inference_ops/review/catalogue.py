"""The rules as a list, and as the page of the documentation."""

from typing import Any

from inference_ops.review.rules import CHANGE_RULES
from inference_rules import RULES, SEVERITIES, Rule

_OF_CHANGE = "change"
_OF_TEMPLATE = "template"


def catalogue() -> list[dict[str, str]]:
    """List all rules, the most severe first, then by name."""
    both: list[tuple[str, Rule[Any]]] = [
        *((_OF_CHANGE, rule) for rule in CHANGE_RULES),
        *((_OF_TEMPLATE, rule) for rule in RULES),
    ]
    entries = [
        {
            "name": rule.name,
            "severity": rule.severity,
            "applies to": kind,
            "description": rule.description,
            "fix": rule.fix,
            "source": rule.source,
        }
        for kind, rule in both
    ]
    order = [str(severity) for severity in SEVERITIES]
    return sorted(entries, key=lambda entry: (order.index(entry["severity"]), entry["name"]))


def catalogue_page() -> str:
    """Write the page `docs/rules.md`."""
    listed = catalogue()
    lines = [
        "# Rules",
        "",
        "<!-- Written by `inference rules --markdown`. -->",
        "",
        f"[`inference review`](guides/review.md) applies these {len(listed)} rules to any template "
        "with SageMaker resources. Those that apply to a *template* run in `cdk synth` as well, "
        "as the validation plugin `InferenceChecks`, except notes; those that apply to a *change* "
        "need the template before and after.",
        "",
        "An error makes the deployment fail, or its result is not what the template says. A "
        "warning hurts later. A note is worth a thought.",
    ]
    for severity in SEVERITIES:
        chosen = [entry for entry in listed if entry["severity"] == severity]
        if not chosen:
            continue
        lines += ["", f"## {severity.capitalize()}s", ""]
        lines += ["| rule | applies to | what has to be so | what to change |", "|---|---|---|---|"]
        lines += [
            f"| [{entry['name']}]({entry['source']}) | {entry['applies to']} | "
            f"{entry['description']} | {entry['fix']} |"
            for entry in chosen
        ]
    return "\n".join(lines) + "\n"
