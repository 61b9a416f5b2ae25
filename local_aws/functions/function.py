"""Lambda functions as moto keeps them, with what moto drops and with an `invoke` that runs them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaFunction

if TYPE_CHECKING:
    from local_aws.functions.invoker import Invoker

RESERVED_KEYS = frozenset(
    (
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    )
)


class LiveFunction(LambdaFunction):
    """A function, or one of its published versions.

    Attributes:
        revision: another one after each change.
        settings: the parts of the configuration that moto does not keep, as they were given.
    """

    invoker: ClassVar[Invoker]
    _kept: ClassVar[tuple[str, ...]] = ("DeadLetterConfig", "LoggingConfig", "TracingConfig")

    def __init__(
        self, account_id: str, spec: dict[str, Any], region: str, version: Any = 1
    ) -> None:
        _check_environment(spec)
        self.invoker.check_role(spec["Role"])
        self.settings = {name: spec[name] for name in self._kept if spec.get(name)}
        self.revision = uuid.uuid4().hex
        super().__init__(account_id, spec, region, version)

    @property
    def qualified_arn(self) -> str:
        """The ARN with the version."""
        base = ":".join(self.function_arn.split(":")[:7])
        return f"{base}:{self.version}"

    @property
    def log_group(self) -> str:
        """Where its log goes."""
        group = self.settings.get("LoggingConfig", {}).get("LogGroup")
        return group or f"/aws/lambda/{self.function_name}"

    @property
    def logs_json(self) -> bool:
        """Whether its log is in JSON."""
        return bool(self.settings.get("LoggingConfig", {}).get("LogFormat") == "JSON")

    @property
    def dead_letter_target(self) -> str | None:
        """Queue or topic for events that could not be processed."""
        target: str | None = self.settings.get("DeadLetterConfig", {}).get("TargetArn")
        return target

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        """What GetFunctionConfiguration answers."""
        configuration = super().get_configuration(on_create)
        configuration["LoggingConfig"] = {
            "LogFormat": "JSON" if self.logs_json else "Text",
            "LogGroup": self.log_group,
        } | self.settings.get("LoggingConfig", {})
        if self.dead_letter_target:
            configuration["DeadLetterConfig"] = {"TargetArn": self.dead_letter_target}
        if self.version == "$LATEST":
            configuration["RevisionId"] = self.revision
        return configuration

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        """Change the configuration; what moto ignores included."""
        _check_environment(config_updates)
        if "Role" in config_updates:
            self.invoker.check_role(config_updates["Role"])
        for name in self._kept:
            if name in config_updates:
                self.settings = {**self.settings, name: config_updates[name]}
        if "TracingConfig" in config_updates:
            self.tracing_config = config_updates["TracingConfig"]
        if "EphemeralStorage" in config_updates:
            self.ephemeral_storage = config_updates["EphemeralStorage"]["Size"]
        if "KMSKeyArn" in config_updates:
            self.kms_key_arn = config_updates["KMSKeyArn"]
        if "Environment" in config_updates:
            config_updates["Environment"].setdefault("Variables", {})
        self.revision = uuid.uuid4().hex
        return super().update_configuration(config_updates)

    def _set_function_code(self, updated_spec: dict[str, Any]) -> None:
        try:
            super()._set_function_code(updated_spec)
        except ValueError as error:
            # How moto raises the error's code and message on an update.
            raise InvalidParameterValueException(str(error.args[-1])) from error
        if "S3Key" in updated_spec and "ZipFile" not in updated_spec and not self.code_bytes:
            raise InvalidParameterValueException(
                "Error occurred while GetObject. S3 Error Code: NoSuchKey. "
                "S3 Error Message: The specified key does not exist."
            )
        self.revision = uuid.uuid4().hex

    def invoke(self, body: Any, request_headers: Any, response_headers: Any) -> bytes:
        """An event that another service sends without waiting: SNS, S3, a log subscription."""
        del request_headers, response_headers
        self.invoker.invoke_later(self, body)
        return b""


def _check_environment(spec: dict[str, Any]) -> None:
    given = (spec.get("Environment") or {}).get("Variables") or {}
    reserved = sorted(RESERVED_KEYS & set(given))
    if reserved:
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not supported "
            f"for modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
