"""The faults that were asked for, and what is left of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

# What a transform job can suffer.
JOB_FAULTS = ("CapacityError", "InternalServerError", "ContainerDies", "OutputVanishes")
_CALL_KEYS = {"Operation", "Error", "Message", "Status", "Times", "Where"}
_JOB_KEYS = {"TransformJob", "Fault", "Times", "AfterRequests", "Output"}


@dataclass(kw_only=True)
class Fault:
    """One fault.

    Attributes:
        given: what was asked for.
        left: how often it will still strike.
        struck: how often it has.
    """

    given: Mapping[str, Any]
    left: int
    struck: int = field(default=0)

    @classmethod
    def parse(cls, given: Any) -> Fault:
        """From the body of a request.

        Raises:
            ValueError: it is no fault.
        """
        if not isinstance(given, dict):
            raise ValueError("a fault must be a JSON object")
        known = _CALL_KEYS if "Operation" in given else _JOB_KEYS
        unknown = sorted(set(given) - known)
        if unknown:
            raise ValueError(f"a fault must have the keys {sorted(known)}, got {unknown}")
        if "Operation" in given:
            if ":" not in given["Operation"] or "Error" not in given:
                raise ValueError("a call's fault needs Operation as service:Name, and Error")
        elif "TransformJob" not in given or given.get("Fault") not in JOB_FAULTS:
            raise ValueError(f"a job's fault needs TransformJob, and Fault of {JOB_FAULTS}")
        times = given.get("Times", 1)
        if not isinstance(times, int) or times < 1:
            raise ValueError(f"Times must be a whole number of at least 1, got {times!r}")
        return cls(given=given, left=times)


class Registry:
    """All faults; each strikes as often as it was asked to, the oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Let it strike from now on."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Let nothing strike any more."""
        with self._lock:
            self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Every fault, with how often it has struck and will."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def awaits_calls(self) -> bool:
        """Whether any call is to fail."""
        return any(fault.left and "Operation" in fault.given for fault in self._faults)

    def strike_call(
        self, operation: str, parameters: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """The fault of a call of ``service:Name``; None if it is to go well."""
        return self._strike(
            lambda given: (
                given.get("Operation") == operation
                and all(
                    fnmatchcase(str(parameters.get(name)), str(pattern))
                    for name, pattern in (given.get("Where") or {}).items()
                )
            )
        )

    def strike_job(self, name: str, fault: str) -> Mapping[str, Any] | None:
        """The fault of this kind of a transform job; None if it is to go well."""
        return self._strike(
            lambda given: given.get("Fault") == fault and fnmatchcase(name, given["TransformJob"])
        )

    def _strike(self, matches: Any) -> Mapping[str, Any] | None:
        with self._lock:
            for fault in self._faults:
                if fault.left and matches(fault.given):
                    fault.left -= 1
                    fault.struck += 1
                    return fault.given
        return None


FAULTS = Registry()
