"""CloudFormation's shapes of a bucket's settings in those of the S3 API."""

from __future__ import annotations

import re
from typing import Any

from local_aws.cloudformation.provider import Properties
from local_aws.cloudformation.providers._api import is_true

LIFECYCLE_FILTERS = ("ObjectSizeGreaterThan", "ObjectSizeLessThan", "Prefix")


def canned_acl(value: str) -> str:
    """``BucketOwnerFullControl`` as ``bucket-owner-full-control``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", value).lower()


def encryption(value: Properties) -> Properties:
    """The default encryption."""
    rules = []
    for rule in value["ServerSideEncryptionConfiguration"]:
        shaped: Properties = {}
        if "ServerSideEncryptionByDefault" in rule:
            shaped["ApplyServerSideEncryptionByDefault"] = rule["ServerSideEncryptionByDefault"]
        if "BucketKeyEnabled" in rule:
            shaped["BucketKeyEnabled"] = is_true(rule["BucketKeyEnabled"])
        rules.append(shaped)
    return {"Rules": rules}


def lifecycle(value: Properties) -> Properties:
    """Lifecycle rules."""
    return {"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]}


def _lifecycle_rule(rule: Properties) -> Properties:
    shaped: Properties = {"Status": rule["Status"], "Filter": _lifecycle_filter(rule)}
    if "Id" in rule:
        shaped["ID"] = rule["Id"]
    expiration = {
        target: rule[source]
        for source, target in (
            ("ExpirationInDays", "Days"),
            ("ExpirationDate", "Date"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if source in rule
    }
    if expiration:
        shaped["Expiration"] = expiration
    if "NoncurrentVersionExpiration" in rule:
        shaped["NoncurrentVersionExpiration"] = rule["NoncurrentVersionExpiration"]
    elif "NoncurrentVersionExpirationInDays" in rule:
        shaped["NoncurrentVersionExpiration"] = {
            "NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]
        }
    transitions = rule.get("Transitions") or ([rule["Transition"]] if "Transition" in rule else [])
    if transitions:
        shaped["Transitions"] = [
            _renamed(found, {"TransitionInDays": "Days", "TransitionDate": "Date"})
            for found in transitions
        ]
    noncurrent = rule.get("NoncurrentVersionTransitions") or (
        [rule["NoncurrentVersionTransition"]] if "NoncurrentVersionTransition" in rule else []
    )
    if noncurrent:
        shaped["NoncurrentVersionTransitions"] = [
            _renamed(found, {"TransitionInDays": "NoncurrentDays"}) for found in noncurrent
        ]
    if "AbortIncompleteMultipartUpload" in rule:
        shaped["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    return shaped


def _lifecycle_filter(rule: Properties) -> Properties:
    found: Properties = {
        name: int(rule[name]) if name.startswith("ObjectSize") else rule[name]
        for name in LIFECYCLE_FILTERS
        if name in rule
    }
    tags = rule.get("TagFilters", [])
    if len(found) + len(tags) > 1:
        return {"And": {**found, **({"Tags": tags} if tags else {})}}
    if tags:
        return {"Tag": tags[0]}
    return found or {"Prefix": ""}


def cors(value: Properties) -> Properties:
    """Cross-origin rules."""
    names = {"ExposedHeaders": "ExposeHeaders", "Id": "ID", "MaxAge": "MaxAgeSeconds"}
    return {"CORSRules": [_renamed(rule, names) for rule in value["CorsRules"]]}


def website(value: Properties) -> Properties:
    """Website hosting."""
    shaped: Properties = {}
    if "IndexDocument" in value:
        shaped["IndexDocument"] = {"Suffix": value["IndexDocument"]}
    if "ErrorDocument" in value:
        shaped["ErrorDocument"] = {"Key": value["ErrorDocument"]}
    if "RedirectAllRequestsTo" in value:
        shaped["RedirectAllRequestsTo"] = value["RedirectAllRequestsTo"]
    if "RoutingRules" in value:
        shaped["RoutingRules"] = [
            _renamed(rule, {"RedirectRule": "Redirect", "RoutingRuleCondition": "Condition"})
            for rule in value["RoutingRules"]
        ]
    return shaped


def replication(value: Properties) -> Properties:
    """Replication rules."""
    return {
        "Role": value["Role"],
        "Rules": [_renamed(rule, {"Id": "ID"}) for rule in value["Rules"]],
    }


def logging(bucket: str, value: Properties) -> Properties:
    """Access logs; into the bucket itself when no other is named."""
    enabled: Properties = {
        "TargetBucket": value.get("DestinationBucketName", bucket),
        "TargetPrefix": value.get("LogFilePrefix", ""),
    }
    if "TargetObjectKeyFormat" in value:
        enabled["TargetObjectKeyFormat"] = value["TargetObjectKeyFormat"]
    return {"LoggingEnabled": enabled}


def notification(value: Properties) -> Properties:
    """Event notifications."""
    shaped: Properties = {}
    bridge = value.get("EventBridgeConfiguration")
    if bridge is not None and is_true(bridge.get("EventBridgeEnabled", True)):
        shaped["EventBridgeConfiguration"] = {}
    for source, target, key, arn in (
        ("QueueConfigurations", "QueueConfigurations", "Queue", "QueueArn"),
        ("TopicConfigurations", "TopicConfigurations", "Topic", "TopicArn"),
        ("LambdaConfigurations", "LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"),
    ):
        if source in value:
            shaped[target] = [_event_target(found, key, arn) for found in value[source]]
    return shaped


def _event_target(found: Properties, key: str, arn: str) -> Properties:
    shaped: Properties = {arn: found[key], "Events": [found["Event"]]}
    if "Filter" in found:
        rules = [
            {"Name": rule["Name"].lower(), "Value": rule["Value"]}
            for rule in found["Filter"]["S3Key"]["Rules"]
        ]
        shaped["Filter"] = {"Key": {"FilterRules": rules}}
    return shaped


def _renamed(value: Properties, names: dict[str, str]) -> dict[str, Any]:
    return {names.get(key, key): item for key, item in value.items()}
