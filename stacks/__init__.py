"""What is deployed together, and the settings of each stage."""

import os
import sys
from pathlib import Path

# jsii looks for Node on PATH only. The virtual environment brings its own, which has to be named
# before `aws_cdk` is imported.
_NODE = Path(sys.executable).with_name("node")
if _NODE.exists():
    os.environ.setdefault("JSII_NODE", str(_NODE))
