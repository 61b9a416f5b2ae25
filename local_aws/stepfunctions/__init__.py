"""Step Functions of the local AWS: executions really run, with the rights of their role."""

from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from local_aws.stepfunctions import backend, clients, interpreter
from local_aws.subsystem import Subsystem


class StepFunctions(Subsystem):
    """moto's interpreter of Amazon States Language, made to behave as AWS's."""

    def install(self) -> None:
        """Switch execution on and put this package's parts in."""
        interpreter.install(self.cloud)
        clients.install(self.cloud)
        backend.install(self.cloud)

    def stop(self) -> None:
        """Abort the executions that run, so that nothing they started goes on."""
        for account in stepfunctions_parser_backends.values():
            for regional in account.values():
                if isinstance(regional, backend.LiveStepFunctionsBackend):
                    regional.stop_all()
