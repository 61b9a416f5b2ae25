"""The picture in the guide is drawn from the pipeline as it is."""

import json
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_checked_in_picture_is_current(delivery_assembly: Path, tmp_path: Path) -> None:
    """`make docs` would change nothing; it must be run when the pipeline changes."""
    script = runpy.run_path(str(ROOT / "docs" / "draw_delivery.py"), run_name="drawing")
    text = (delivery_assembly / "inference-pipeline.template.json").read_text()
    script["draw"](script["read_stages"](json.loads(text)), tmp_path / "delivery.svg")
    drawn = (tmp_path / "delivery.svg").read_text()
    assert drawn == (ROOT / "docs" / "pictures" / "delivery.svg").read_text()
    for word in ("Synth", "SelfMutate", "Review", "Approve", "Verify"):
        assert word in drawn
