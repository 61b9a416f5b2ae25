"""What a template can refer to outside of itself: exports, SSM parameters, secrets, the account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local_aws.cloud import Cloud
from local_aws.cloudformation.errors import ValidationError
from local_aws.cloudformation.intrinsics import Resolver
from local_aws.cloudformation.stack import Configuration, Output, Resource, Stack


@dataclass(frozen=True, kw_only=True)
class Environment:
    """An account and a region.

    Attributes:
        exports: gives the exports of all stacks, with the stack that has it, by name.
        stacks: gives the stacks that exist.
    """

    cloud: Cloud
    account: str
    region: str
    exports: Callable[[], Mapping[str, tuple[Stack, Output]]]
    stacks: Callable[[], Iterable[Stack]]

    @property
    def partition(self) -> str:
        """The partition of the region."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    def read_ssm(self, name: str) -> str | None:
        """The value of an SSM parameter; None when there is none."""
        try:
            answer = self.cloud.client("ssm").get_parameter(Name=name, WithDecryption=True)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ParameterNotFound":
                return None
            raise
        return str(answer["Parameter"]["Value"])

    def resolver(
        self, stack: Stack, configuration: Configuration, lookup: ResourceLookup
    ) -> Resolver:
        """A resolver for a template that is or shall be deployed as ``stack``."""
        pseudo = {
            "AWS::AccountId": self.account,
            "AWS::NotificationARNs": list(configuration.notification_arns),
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::StackId": stack.id,
            "AWS::StackName": stack.name,
            "AWS::URLSuffix": "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com",
        }
        parameters = {key: found.value for key, found in configuration.parameters.items()}
        return Resolver(configuration.template, parameters, pseudo, lookup)


class ResourceLookup:
    """Resources of a stack as they are deployed now.

    Attributes:
        imports: names of the exports that were asked for.
    """

    def __init__(self, environment: Environment, resources: Mapping[str, Resource]) -> None:
        self._environment = environment
        self._resources = resources
        self.imports: set[str] = set()

    def ref(self, logical_id: str) -> Any:
        """The physical id of a resource."""
        return self._deployed(logical_id).physical_id

    def attribute(self, logical_id: str, name: str) -> Any:
        """An attribute of a resource."""
        resource = self._deployed(logical_id)
        if name in resource.attributes:
            return resource.attributes[name]
        found: Any = resource.attributes
        for part in name.split("."):
            if not isinstance(found, Mapping) or part not in found:
                if resource.type.startswith("Custom::") or resource.type.endswith(
                    "::CustomResource"
                ):
                    raise ValidationError(
                        f"CustomResource attribute error: Vendor response doesn't contain {name} "
                        f"attribute in object {resource.physical_id}"
                    )
                raise ValidationError(
                    f"Template error: resource {logical_id} does not support attribute type {name} "
                    "in Fn::GetAtt"
                )
            found = found[part]
        return found

    def import_value(self, name: str) -> Any:
        """The value of an export."""
        found = self._environment.exports().get(name)
        if found is None:
            raise ValidationError(f"No export named {name} found.")
        self.imports.add(name)
        return found[1].value

    def dynamic_reference(self, service: str, reference: str) -> str:
        """The value of ``{{resolve:service:reference}}``."""
        if service in ("ssm", "ssm-secure"):
            found = self._environment.read_ssm(reference)
            if found is None:
                raise ValidationError(f"Parameters: [{service}:{reference}] cannot be found.")
            return found
        if service == "secretsmanager":
            return self._secret(reference)
        raise ValidationError(f"Invalid dynamic reference {{{{resolve:{service}:{reference}}}}}")

    def _secret(self, reference: str) -> str:
        # An ARN has colons of its own; the other fields follow "SecretString".
        secret_id, _, rest = reference.partition(":SecretString")
        fields = [*rest.removeprefix(":").split(":"), "", "", ""]
        request = {"SecretId": secret_id}
        if fields[1]:
            request["VersionStage"] = fields[1]
        if fields[2]:
            request["VersionId"] = fields[2]
        try:
            answer = self._environment.cloud.client("secretsmanager").get_secret_value(**request)
        except ClientError as error:
            raise ValidationError(
                f"Secrets Manager can't find the specified secret: {secret_id} ({error})"
            ) from error
        text = str(answer["SecretString"])
        if not fields[0]:
            return text
        content = json.loads(text)
        if fields[0] not in content:
            raise ValidationError(
                f"Could not find a value associated with JSONKey in SecretString: {fields[0]}"
            )
        return str(content[fields[0]])

    def _deployed(self, logical_id: str) -> Resource:
        found = self._resources.get(logical_id)
        if found is None or found.physical_id is None:
            raise ValidationError(
                f"Template format error: Unresolved resource dependencies [{logical_id}] in the "
                "Resources block of the template"
            )
        return found


def resolve_outputs(resolver: Resolver, configuration: Configuration) -> dict[str, Output]:
    """Outputs of the template whose condition holds."""
    outputs = {}
    for key, body in configuration.template.outputs.items():
        if "Condition" in body and not resolver.condition(body["Condition"]):
            continue
        value = resolver.resolve(body.get("Value"))
        if isinstance(value, bool):
            value = "true" if value else "false"
        if value is None or isinstance(value, list | dict):
            raise ValidationError(
                f"Template format error: Output {key} is malformed. The Value field of every "
                "Outputs member must evaluate to a String."
            )
        export = (body.get("Export") or {}).get("Name")
        outputs[key] = Output(
            key=key,
            value=str(value) if not isinstance(value, str) else value,
            description=body.get("Description"),
            export=resolver.resolve(export) if export is not None else None,
        )
    return outputs


def importers(stacks: Iterable[Stack], name: str) -> list[str]:
    """Names of the stacks that import the export ``name``."""
    return sorted(stack.name for stack in stacks if name in stack.imports)
