"""Which operation of which service an HTTP request calls, and with which parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import unescape

import botocore.session

from local_aws.cloud import REGION

_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/,\s]+)/\d+/(?P<region>[^/]*)/(?P<service>[^/]*)/")
# Services with paths instead of operation names, and botocore's models for each signing name.
_REST_MODELS: dict[str, tuple[str, ...]] = {
    "s3": ("s3",),
    "lambda": ("lambda",),
    "sagemaker": ("sagemaker-runtime", "sagemaker-metrics"),
    "scheduler": ("scheduler",),
    "pipes": ("pipes",),
    "xray": ("xray",),
    "batch": ("batch",),
    "apigateway": ("apigateway",),
    "elasticfilesystem": ("efs",),
    "resource-groups": ("resource-groups",),
}
# IAM's prefix where it is not the name that requests are signed for.
_PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag", "elasticfilesystem": "elasticfilesystem"}
# More than any service takes in a body that is not an object's or a model's.
LARGEST_BODY = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of an AWS API.

    Attributes:
        access_key: whose key signed it.
        service: IAM's prefix, e.g. ``cloudwatch``.
        operation: the API's name of the operation.
        region: from the signature.
        parameters: by the API's names: of the body, the path and the query.
        headers: names in lower case.
        protocol: ``json``, ``query``, ``ec2``, ``rest-json`` or ``rest-xml``.
        method: the HTTP method.
    """

    access_key: str
    service: str
    operation: str
    region: str
    parameters: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    protocol: str = "json"
    method: str = "POST"


@dataclass(frozen=True)
class Signature:
    """What a signature tells without being verified."""

    access_key: str
    region: str
    service: str


def signature_of(environ: Mapping[str, Any]) -> Signature | None:
    """Who signed, from the header or from a presigned URL; None for an unsigned request."""
    text = environ.get("HTTP_AUTHORIZATION", "")
    query_string = environ.get("QUERY_STRING", "")
    if "X-Amz-Credential" in query_string:
        text = f"Credential={parse_qs(query_string)['X-Amz-Credential'][0]}"
    elif "AWSAccessKeyId=" in query_string:
        # The older way to presign, which boto3 still takes for S3 in us-east-1.
        return Signature(parse_qs(query_string)["AWSAccessKeyId"][0], REGION, "s3")
    found = _CREDENTIAL.search(text)
    return None if found is None else Signature(found["key"], found["region"], found["service"])


def call_of(environ: dict[str, Any], signature: Signature) -> Call:
    """Read the call; a body that is read is put back for the application."""
    headers = {
        name[5:].replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    service = _PREFIXES.get(signature.service, signature.service)
    common: dict[str, Any] = {
        "access_key": signature.access_key,
        "service": service,
        "region": signature.region,
        "headers": headers,
        "method": environ["REQUEST_METHOD"],
    }
    if target := headers.get("x-amz-target"):
        return Call(operation=target.rsplit(".", 1)[-1], parameters=_json(_body(environ)), **common)
    rest = _rest(environ, signature.service, headers)
    if rest is not None:
        return Call(**common, **rest)
    if found := re.fullmatch(r"/service/[^/]+/operation/(\w+)/?", environ["PATH_INFO"]):
        # Smithy's CBOR protocol: the parameters stay unread.
        return Call(operation=found[1], parameters={}, **common)
    form = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    form |= parse_qs(_body(environ).decode("utf-8", "replace"), keep_blank_values=True)
    parameters = _nested({name: values[0] for name, values in form.items()})
    return Call(
        operation=str(parameters.get("Action", "")),
        parameters=parameters,
        protocol="ec2" if service == "ec2" else "query",
        **common,
    )


def _body(environ: dict[str, Any]) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 < length <= LARGEST_BODY:
        return b""
    body: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = BytesIO(body)
    return body


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _nested(form: Mapping[str, str]) -> dict[str, Any]:
    """``Tags.member.1.Key`` and its like as nested lists and objects."""
    tree: dict[str, Any] = {}
    for name, value in form.items():
        node = tree
        *path, last = [part for part in name.split(".") if part not in {"member", "entry"}]
        for part in path:
            child = node.setdefault(part, {})
            node = child if isinstance(child, dict) else {}
        node[last] = value
    return {name: _listed(value) for name, value in tree.items()}


def _listed(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(name.isdigit() for name in node):
        return [_listed(node[name]) for name in sorted(node, key=int)]
    return {name: _listed(value) for name, value in node.items()}


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """How a REST operation is recognised."""

    operation: str
    protocol: str
    method: str
    path: re.Pattern[str]
    query: Mapping[str, str | None]
    headers: frozenset[str]
    members: Mapping[str, tuple[str, str]]

    @property
    def weight(self) -> tuple[int, int]:
        return len(self.query) + len(self.headers), len(self.path.pattern)


@cache
def _rules(signing_name: str) -> Sequence[_Rule]:
    """Rules of a service, the most particular first."""
    session = botocore.session.get_session()
    rules = []
    for name in _REST_MODELS[signing_name]:
        model = session.get_service_model(name)
        for operation in model.operation_names:
            rules.append(_rule(model.operation_model(operation)))
    return sorted(rules, key=lambda rule: rule.weight, reverse=True)


def _rule(operation: Any) -> _Rule:
    path, _, literal = operation.http["requestUri"].partition("?")
    query: dict[str, str | None] = {}
    for pair in filter(None, literal.split("&")):
        name, _, value = pair.partition("=")
        if name != "x-id":
            query[name] = value or None
    members: dict[str, tuple[str, str]] = {}
    headers = set()
    shape = operation.input_shape
    for name, member in shape.members.items() if shape else ():
        where = member.serialization.get("location")
        wire = member.serialization.get("name", name)
        if where in {"querystring", "header"}:
            members[name] = (where, wire)
        if name in shape.required_members and where == "querystring":
            query.setdefault(wire, None)
        if name in shape.required_members and where == "header":
            headers.add(wire.lower())
    pattern = re.sub(r"\\\{(\w+)\\\+\\\}", r"(?P<\1>.+)", re.escape(path))
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern)
    return _Rule(
        operation=operation.name,
        protocol=operation.service_model.resolved_protocol,
        method=operation.http["method"],
        path=re.compile(pattern.rstrip("/") + "/?"),
        query=query,
        headers=frozenset(headers),
        members=members,
    )


def _rest(
    environ: dict[str, Any], signing_name: str, headers: Mapping[str, str]
) -> dict[str, Any] | None:
    if signing_name not in _REST_MODELS:
        return None
    # The raw path, where it can be had: a function's ARN in a path comes with encoded colons.
    path = (environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ["PATH_INFO"]).split(
        "?"
    )[0]
    host = headers.get("host", "").split(":")[0]
    if signing_name == "s3" and host.endswith(".localhost"):
        path = f"/{host.removesuffix('.localhost')}{path}"
    query = {
        name: values[0]
        for name, values in parse_qs(
            environ.get("QUERY_STRING", ""), keep_blank_values=True
        ).items()
    }
    for rule in _rules(signing_name):
        if rule.method != environ["REQUEST_METHOD"] or not rule.headers <= headers.keys():
            continue
        if any(
            name not in query or value not in (None, query[name])
            for name, value in rule.query.items()
        ):
            continue
        if (found := rule.path.fullmatch(path)) is None:
            continue
        parameters: dict[str, Any] = {
            name: unquote(value) for name, value in found.groupdict().items()
        }
        for name, (where, wire) in rule.members.items():
            source = query if where == "querystring" else headers
            key = wire if where == "querystring" else wire.lower()
            if key in source:
                parameters[name] = source[key]
        if rule.protocol == "rest-json" and rule.operation not in _OPAQUE:
            parameters = {**_json(_body(environ)), **parameters}
        if rule.operation == "DeleteObjects":
            parameters["Objects"] = _objects(_body(environ).decode("utf-8", "replace"))
        return {
            "operation": rule.operation,
            "protocol": rule.protocol,
            "parameters": parameters,
        }
    return None


def _objects(text: str) -> list[tuple[str, bool]]:
    """The keys that DeleteObjects names, and whether it names a version of each."""
    return [
        (unescape(key), "<VersionId>" in found)
        for found in re.findall(r"<Object>(.*?)</Object>", text, re.DOTALL)
        for key in re.findall(r"<Key>(.*?)</Key>", found, re.DOTALL)
    ]


# Their body is the caller's payload.
_OPAQUE = {
    "Invoke",
    "InvokeAsync",
    "InvokeWithResponseStream",
    "InvokeEndpoint",
    "InvokeEndpointAsync",
    "InvokeEndpointWithResponseStream",
}
