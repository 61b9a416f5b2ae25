"""Faults that a test asks for: calls that fail, jobs that fail, containers that die.

AWS has no such calls. ``POST /_local-aws/faults`` adds a fault, ``GET`` tells how often each has
struck, ``DELETE`` removes all; see docs/local-aws.md.
"""

from local_aws.faults.middleware import FaultMiddleware
from local_aws.subsystem import Subsystem, WsgiApp


class Faults(Subsystem):
    """Lets calls fail, and offers the route that says which."""

    def wrap(self, app: WsgiApp) -> WsgiApp:
        """Stand between the permissions and what answers."""
        return FaultMiddleware(app)
