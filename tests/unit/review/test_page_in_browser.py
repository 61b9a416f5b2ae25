"""The report in a real browser: light and dark, on a desk and on a phone."""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.review.conftest import Command
from tests.unit.review.edits import edited, healthy

pytestmark = pytest.mark.long

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DESK, PHONE = 1280, 390

# Reads the page as it is laid out. Contrast is that of WCAG 2.1, 1.4.3.
SCRIPT = """
const inner = document.querySelector('iframe').contentWindow;
const doc = inner.document;
const channels = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((value) => {
  const part = value / 255;
  return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
});
const light = (text) => {
  const [red, green, blue] = channels(text);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const contrast = (one, other) => {
  const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
};
const style = (element) => inner.getComputedStyle(element);
const page = style(doc.body).backgroundColor;
const under = (element) => {
  for (let at = element; at !== null; at = at.parentElement) {
    const found = style(at).backgroundColor;
    if (found !== 'rgba(0, 0, 0, 0)') return found;
  }
  return page;
};
const texts = [...doc.querySelectorAll('h1,h2,h3,p,li,td,a,span')].filter((e) => e.textContent);
const boxes = [...doc.querySelectorAll('svg .box')];
const name = (box) => box.querySelector('.name').getBoundingClientRect();
const rect = (box) => box.querySelector('rect').getBoundingClientRect();
const found = {
  page,
  overflow: doc.documentElement.scrollWidth - doc.documentElement.clientWidth,
  contrast: Math.min(...texts.map((element) => contrast(style(element).color, under(element)))),
  boxContrast: Math.min(...boxes.flatMap((box) => [...box.querySelectorAll('text')].map(
    (text) => contrast(style(text).fill, style(box.querySelector('rect')).fill)))),
  sticksOut: boxes.filter((box) => name(box).right > rect(box).right).map((b) => b.textContent),
  letters: Math.min(...boxes.map((box) => name(box).height)),
  columns: new Set([...doc.querySelectorAll('section')].map(
    (section) => section.getBoundingClientRect().left)).size,
  boxes: boxes.map((box) => [box.classList[1], box.querySelector('.name').textContent]),
};
const answer = document.createElement('pre');
answer.id = 'answer';
answer.textContent = JSON.stringify(found);
document.body.append(answer);
"""


@pytest.fixture(scope="module")
def chromium() -> str:
    """The browser; the tests are skipped without one."""
    if CHROMIUM is None:
        pytest.skip("the report is looked at in Chromium: apt-get install chromium")
    return CHROMIUM


@pytest.fixture
def report(tmp_path: Path, inference: Command) -> str:
    """A page with what comes, goes, is updated and is replaced."""
    base = healthy("realtime")
    head = edited(
        base,
        [
            {
                "at": "Resources/Config/Properties/ProductionVariants/0/InstanceType",
                "value": "ml.m5.xlarge",
            },
            {"at": "Resources/Latency/Properties/Threshold", "value": 500},
            {"at": "Resources/Queue", "value": {"Type": "AWS::SQS::Queue"}},
            {"at": "Resources/Cpu"},
            {
                "at": "Resources/RolePolicy/Properties/PolicyDocument/Statement/0/Action",
                "value": "s3:*",
            },
        ],
    )
    paths = [tmp_path / "base.json", tmp_path / "head.json"]
    for path, body in zip(paths, (base, head), strict=True):
        path.write_text(json.dumps(body))
    arguments = ("--region", "us-east-1", "--format", "html")
    return inference("review", *paths, *arguments).stdout


def look(chromium: str, page: str, where: Path, *, width: int, dark: bool) -> Mapping[str, Any]:
    """Lays the page out and reads it; the frame is as wide as a window could not be made."""
    frame = f'<iframe width="{width}" height="900" srcdoc="{html.escape(page)}"></iframe>'
    script = f"<script>onload = () => {{ {SCRIPT} }}</script>"
    outer = where / "outer.html"
    outer.write_text(f"<!doctype html><meta charset=utf-8>{script}<body>{frame}</body>")
    done = subprocess.run(
        [
            chromium,
            "--headless=new",
            # As root, as in a container, Chromium starts without its sandbox only.
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={where / 'profile'}",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            "--window-size=1600,1000",
            "--dump-dom",
            outer.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    answer = re.search(r'<pre id="answer">(.*)</pre>', done.stdout)
    assert answer is not None, done.stderr
    found: Mapping[str, Any] = json.loads(html.unescape(answer[1]))
    return found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
def test_the_report_can_be_read_everywhere(
    chromium: str, report: str, tmp_path: Path, width: int, dark: bool
) -> None:
    """Nothing is cut off, nothing sticks out of its box, and every text stands out."""
    found = look(chromium, report, tmp_path, width=width, dark=dark)
    assert found["page"] == ("rgb(13, 17, 23)" if dark else "rgb(255, 255, 255)")
    assert found["overflow"] <= 0
    assert found["sticksOut"] == []
    assert found["contrast"] >= 4.5
    assert found["boxContrast"] >= 4.5
    assert found["letters"] >= 11
    # Before and after stand side by side where there is room.
    assert found["columns"] == (2 if width == DESK else 1)


def test_the_picture_marks_what_changes(chromium: str, report: str, tmp_path: Path) -> None:
    """Before: what goes; after: what comes; both: what changes."""
    found = look(chromium, report, tmp_path, width=DESK, dark=False)
    marked = [(action, name) for action, name in found["boxes"] if action != "unchanged"]
    assert marked.count(("delete", "Cpu")) == 1
    assert marked.count(("add", "Queue")) == 1
    assert marked.count(("replace", "Config")) == 2
    assert marked.count(("update", "Endpoint")) == 2
    assert ("unchanged", "Topic") in map(tuple, found["boxes"])
