"""Looks for known vulnerabilities in the locked dependencies.

Usage: ``python tests/audit_dependencies.py``.

Exits with 1 when there are any. Where the source of advisories cannot be reached, it says so and
exits with 0: no network is no finding.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Audit and tell."""
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"),
            *("--requirement", str(ROOT / "requirements.txt"), "--format", "json"),
            *("--progress-spinner", "off"),
        ],
        capture_output=True,
        text=True,
    )
    try:
        dependencies = json.loads(ended.stdout)["dependencies"]
    except ValueError:
        print("NOT AUDITED: the source of advisories cannot be reached", file=sys.stderr)
        print(ended.stderr.strip()[-500:], file=sys.stderr)
        return 0
    audited = [found for found in dependencies if "vulns" in found]
    for found in audited:
        for advisory in found["vulns"]:
            fixed = ", ".join(advisory["fix_versions"]) or "no version"
            print(f"{found['name']} {found['version']}: {advisory['id']}, fixed in {fixed}")
    if not audited:
        print(
            f"NOT AUDITED: the source of advisories knows none of {len(dependencies)} dependencies",
            file=sys.stderr,
        )
        return 0
    print(f"{len(audited)} of {len(dependencies)} dependencies audited")
    return 1 if any(found["vulns"] for found in audited) else 0


if __name__ == "__main__":
    sys.exit(main())
