"""Service Quotas of the local AWS: what it tells of SageMaker is what its SageMaker enforces."""

from __future__ import annotations

import inspect

from local_aws.subsystem import Subsystem, WsgiApp


class Quotas(Subsystem):
    """The operations on quotas, and the call that lowers one."""

    def install(self) -> None:
        """Put the operations in the place of moto's."""
        from moto.servicequotas.responses import ServiceQuotasResponse

        from local_aws.quotas.api import Operations

        for name, member in vars(Operations).items():
            if inspect.isfunction(member):
                setattr(ServiceQuotasResponse, name, member)

    def wrap(self, app: WsgiApp) -> WsgiApp:
        """Answer the calls that set a quota."""
        from local_aws.quotas.middleware import QuotaMiddleware

        return QuotaMiddleware(app)
