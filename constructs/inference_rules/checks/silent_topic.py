"""CloudWatch may use the key of an alarm's topic."""

from collections.abc import Iterator

from inference_rules.alarms import ALARM
from inference_rules.policies import allowed, statements
from inference_rules.rule import Fault, Rule
from inference_rules.template import Resource, Template, dig, listed

_TOPIC, _KEY = "AWS::SNS::Topic", "AWS::KMS::Key"
_NEEDED = ("kms:Decrypt", "kms:GenerateDataKey")
_SERVICE = "cloudwatch.amazonaws.com"


def _check(template: Template) -> Iterator[Fault]:
    told = {
        str(action)
        for alarm in template.of_type(ALARM)
        for kind in ("AlarmActions", "OKActions", "InsufficientDataActions")
        for action in listed(alarm.get(kind))
    }
    for topic in template.of_type(_TOPIC):
        names = {f"${{{topic.logical_id}}}", f"${{{topic.logical_id}.TopicArn}}"}
        if names & told and (detail := _fault(template, topic)) is not None:
            yield Fault(resource=topic.logical_id, path="Properties/KmsMasterKeyId", detail=detail)


def _fault(template: Template, topic: Resource) -> str | None:
    given = str(topic.get("KmsMasterKeyId"))
    if "alias/aws/sns" in given:
        return "alias/aws/sns cannot be used by CloudWatch: no alarm reaches the topic"
    key = template.find(_KEY, given) or template.find(_KEY, given.removesuffix(".KeyId}") + "}")
    if key is None or all(_may(key, action) for action in _NEEDED):
        return None
    return f"the policy of its key {key.logical_id} does not let {_SERVICE} use it"


def _may(key: Resource, action: str) -> bool:
    return any(
        allowed(statement, action)
        and any(
            service in (_SERVICE, "*") for service in listed(dig(statement, "Principal", "Service"))
        )
        for statement in statements(key.get("KeyPolicy"))
    )


SILENT_TOPIC = Rule(
    name="SilentTopic",
    severity="error",
    description="An alarm publishes to an encrypted topic only if the key's policy lets "
    "cloudwatch.amazonaws.com use it; else it goes off and nobody hears of it.",
    fix="allow it kms:Decrypt and kms:GenerateDataKey* in the key's policy",
    source="https://repost.aws/knowledge-center/cloudwatch-receive-sns-for-alarm-trigger",
    check=_check,
)
