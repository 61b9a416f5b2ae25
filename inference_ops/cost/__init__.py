"""What a template costs: pure, offline, and never with a price that has no date and source."""

from inference_ops.cost.estimate import Estimate, estimate
from inference_ops.cost.line import Line

__all__ = ["Estimate", "Line", "estimate"]
