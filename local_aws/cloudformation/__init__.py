"""CloudFormation of the local AWS: an engine that deploys, updates, replaces and rolls back."""

from __future__ import annotations

import threading

from local_aws.cloudformation.api import install
from local_aws.cloudformation.moto_settings import (
    answer_lookups_of_the_trail,
    deliver_access_logs_by_policy,
    leave_bucket_policies_to_permissions,
    load_managed_policies,
)
from local_aws.cloudformation.providers import providers
from local_aws.cloudformation.schemas import schema_of
from local_aws.subsystem import Subsystem

__all__ = ["CloudFormation"]


class CloudFormation(Subsystem):
    """Stacks and change sets; operations run in threads that end with the server."""

    def install(self) -> None:
        """Take moto's place behind the endpoint."""
        load_managed_policies()
        answer_lookups_of_the_trail()
        leave_bucket_policies_to_permissions()
        deliver_access_logs_by_policy()
        install(self.cloud)

    def start(self) -> None:
        """Read the schemas of the known types while the server already answers."""
        threading.Thread(
            target=lambda: [schema_of(name) for name in providers()],
            name="cfn-schemas",
            daemon=True,
        ).start()
