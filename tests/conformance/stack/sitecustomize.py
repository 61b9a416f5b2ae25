"""Lets `sagemaker-containers` import on the Python of today, in the server and in each worker.

The image patches the first; the others serve training only.
"""

import collections
import collections.abc
import sys
import types

collections.Mapping = collections.abc.Mapping  # type: ignore[attr-defined]
for _name in ("gethostname", "inotify_simple", "paramiko"):
    sys.modules.setdefault(_name, types.ModuleType(_name))
