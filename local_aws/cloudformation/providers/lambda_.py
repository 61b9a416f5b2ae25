"""``AWS::Lambda::*``."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from local_aws.cloudformation.provider import (
    Context,
    Created,
    Properties,
    Provider,
    ResourceError,
)
from local_aws.cloudformation.providers._api import (
    changed,
    client,
    gone_is_fine,
    name_of,
    parameters,
    retag,
    tags,
)

GONE = "ResourceNotFoundException"
NAME_LENGTH = 64
CFNRESPONSE = Path(__file__).parents[2] / "functions" / "runtimes" / "cfnresponse.py"
# What a property that was taken out of the template goes back to.
DEFAULTS: dict[str, Any] = {
    "DeadLetterConfig": {"TargetArn": ""},
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "KmsKeyArn": "",
    "Layers": [],
    "LoggingConfig": {"LogFormat": "Text"},
    "MemorySize": 128,
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
}
# What other calls than CreateFunction and UpdateFunctionConfiguration take.
ELSEWHERE = ("FunctionName", "Code", "Tags", "ReservedConcurrentExecutions", "CodeSigningConfigArn")
# What CreateFunction alone takes.
CREATION = ("PackageType", "Architectures", "TenancyConfig")


class Function(Provider):
    """A function; ``Ref`` is its name."""

    type_names = ("AWS::Lambda::Function",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the function."""
        api = client(context, "lambda")
        name = name_of(context, properties, "FunctionName", max_length=NAME_LENGTH)
        given = parameters(api, "create_function", properties, without=ELSEWHERE)
        arn = api.create_function(
            FunctionName=name, Code=_code(properties), Tags=tags(context, properties), **given
        )["FunctionArn"]
        if "ReservedConcurrentExecutions" in properties:
            self._reserve(api, name, properties)
        return Created(physical_id=name, attributes={"Arn": arn})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change code, configuration, concurrency and tags, each where it differs."""
        api = client(context, "lambda")
        if changed(old, new, "Code", "Architectures"):
            architectures = {k: new[k] for k in ("Architectures",) if k in new}
            api.update_function_code(FunctionName=physical_id, **_code(new), **architectures)
        configuration = {
            name: new.get(name, DEFAULTS.get(name))
            for name in {*old, *new} - {*ELSEWHERE, *CREATION}
            if changed(old, new, name) and (name in new or name in DEFAULTS)
        }
        if configuration:
            api.update_function_configuration(
                FunctionName=physical_id,
                **parameters(api, "update_function_configuration", configuration),
            )
        if changed(old, new, "ReservedConcurrentExecutions"):
            if "ReservedConcurrentExecutions" in new:
                self._reserve(api, physical_id, new)
            else:
                api.delete_function_concurrency(FunctionName=physical_id)
        arn = api.get_function_configuration(FunctionName=physical_id)["FunctionArn"]
        retag(
            context,
            old,
            new,
            put=lambda values: api.tag_resource(Resource=arn, Tags=values),
            remove=lambda keys: api.untag_resource(Resource=arn, TagKeys=keys),
        )
        return Created(physical_id=physical_id, attributes={"Arn": arn})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the function with its versions."""
        del properties
        with gone_is_fine(GONE):
            client(context, "lambda").delete_function(FunctionName=physical_id)

    def _reserve(self, api: Any, name: str, properties: Properties) -> None:
        api.put_function_concurrency(
            FunctionName=name,
            ReservedConcurrentExecutions=int(properties["ReservedConcurrentExecutions"]),
        )


class Version(Provider):
    """A published version; ``Ref`` is its ARN."""

    type_names = ("AWS::Lambda::Version",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Publish what the function is now."""
        api = client(context, "lambda")
        if "ProvisionedConcurrencyConfig" in properties:
            raise ResourceError("provisioned concurrency is not supported by the local AWS")
        answer = api.publish_version(**parameters(api, "publish_version", properties))
        arn = f"{_unqualified(answer['FunctionArn'])}:{answer['Version']}"
        return Created(
            physical_id=arn, attributes={"Version": answer["Version"], "FunctionArn": arn}
        )

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Nothing of a version can change."""
        del context, old, new
        version = physical_id.rsplit(":", 1)[-1]
        return Created(
            physical_id=physical_id, attributes={"Version": version, "FunctionArn": physical_id}
        )

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the version; a function that is gone took it along."""
        del properties
        with gone_is_fine(GONE):
            client(context, "lambda").delete_function(
                FunctionName=_unqualified(physical_id), Qualifier=physical_id.rsplit(":", 1)[-1]
            )


class Alias(Provider):
    """A name for a version; ``Ref`` is the alias's ARN."""

    type_names = ("AWS::Lambda::Alias",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the alias."""
        api = client(context, "lambda")
        arn = api.create_alias(**self._given(api, "create_alias", properties))["AliasArn"]
        return Created(physical_id=arn, attributes={"AliasArn": arn})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Point the alias elsewhere."""
        del old
        api = client(context, "lambda")
        api.update_alias(**self._given(api, "update_alias", new))
        return Created(physical_id=physical_id, attributes={"AliasArn": physical_id})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the alias; a function that is gone took it along."""
        del physical_id
        with gone_is_fine(GONE):
            client(context, "lambda").delete_alias(
                FunctionName=properties["FunctionName"], Name=properties["Name"]
            )

    def _given(self, api: Any, operation: str, properties: Properties) -> dict[str, Any]:
        found = dict(properties)
        weights = found.get("RoutingConfig", {}).get("AdditionalVersionWeights")
        if weights is not None:
            # The template lists versions and weights, the API takes a map.
            found["RoutingConfig"] = {
                "AdditionalVersionWeights": {
                    entry["FunctionVersion"]: entry["FunctionWeight"] for entry in weights
                }
            }
        return parameters(api, operation, found)


class Permission(Provider):
    """A statement of a function's resource policy; ``Ref`` is the statement's id."""

    type_names = ("AWS::Lambda::Permission",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Add the statement."""
        api = client(context, "lambda")
        identifier = context.generated_name(100)
        api.add_permission(StatementId=identifier, **parameters(api, "add_permission", properties))
        return Created(physical_id=identifier, attributes={"Id": identifier})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Nothing of a statement can change."""
        del context, old, new
        return Created(physical_id=physical_id, attributes={"Id": physical_id})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Remove the statement; a function that is gone took it along."""
        with gone_is_fine(GONE):
            client(context, "lambda").remove_permission(
                FunctionName=properties["FunctionName"], StatementId=physical_id
            )


class EventInvokeConfig(Provider):
    """How asynchronous invocations are retried and where their outcome goes."""

    type_names = ("AWS::Lambda::EventInvokeConfig",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Put the configuration."""
        api = client(context, "lambda")
        given = parameters(api, "put_function_event_invoke_config", properties)
        api.put_function_event_invoke_config(**given)
        return Created(physical_id=f"{properties['FunctionName']}|{properties['Qualifier']}")

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Put the changed configuration over the existing one."""
        del physical_id, old
        return self.create(context, new)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the configuration; a function that is gone took it along."""
        del physical_id
        with gone_is_fine(GONE):
            client(context, "lambda").delete_function_event_invoke_config(
                FunctionName=properties["FunctionName"], Qualifier=properties["Qualifier"]
            )


class EventSourceMapping(Provider):
    """A queue whose messages a function gets; ``Ref`` is the mapping's UUID."""

    type_names = ("AWS::Lambda::EventSourceMapping",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the mapping."""
        api = client(context, "lambda")
        given = parameters(api, "create_event_source_mapping", properties, without=["Tags"])
        answer = api.create_event_source_mapping(Tags=tags(context, properties), **given)
        return self._created(answer)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the mapping."""
        del old
        api = client(context, "lambda")
        without = ["Tags", "EventSourceArn", "StartingPosition", "StartingPositionTimestamp"]
        given = parameters(api, "update_event_source_mapping", new, without=without)
        return self._created(api.update_event_source_mapping(UUID=physical_id, **given))

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the mapping."""
        del properties
        with gone_is_fine(GONE, "404"):
            client(context, "lambda").delete_event_source_mapping(UUID=physical_id)

    def _created(self, answer: dict[str, Any]) -> Created:
        attributes = {"Id": answer["UUID"]}
        if "EventSourceMappingArn" in answer:
            attributes["EventSourceMappingArn"] = answer["EventSourceMappingArn"]
        return Created(physical_id=answer["UUID"], attributes=attributes)


def _unqualified(arn: str) -> str:
    return ":".join(arn.split(":")[:7])


def _code(properties: Properties) -> dict[str, Any]:
    """The code as the API takes it: inline source becomes a zip of one module."""
    code: dict[str, Any] = dict(properties["Code"])
    source = code.get("ZipFile")
    if source is None:
        return code
    runtime = str(properties.get("Runtime", ""))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        # A fixed time, so that the same source has the same hash.
        suffix = "py" if runtime.startswith("python") else "js"
        archive.writestr(zipfile.ZipInfo(f"index.{suffix}"), source)
        if suffix == "py" and "cfnresponse" in source:
            archive.writestr(zipfile.ZipInfo("cfnresponse.py"), CFNRESPONSE.read_text())
    return {**code, "ZipFile": buffer.getvalue()}
