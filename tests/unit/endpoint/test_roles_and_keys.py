"""Roles, keys and topics: what they allow, and that imported ones are left alone."""

import json

import pytest
from aws_cdk import Annotations, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Annotations as Found
from aws_cdk.assertions import Match, Template

from inference_constructs import EncryptionKey, Notifications, ServiceRole

THEIR_KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"


def told(stack: Stack, path: str) -> dict[str, list[dict[str, object]]]:
    """The policy in the one message at a construct."""
    (message,) = Found.from_stack(stack).find_info(path, Match.any_value())
    text = str(message.entry.data)
    document: dict[str, list[dict[str, object]]] = json.loads(text[text.index("{") :])
    return document


@pytest.mark.parametrize("service", ["sagemaker", "states", "scheduler"])
def test_a_service_assumes_a_role_for_this_account_only(stack: Stack, service: str) -> None:
    """The condition keeps the service from being used by another account."""
    role = ServiceRole(stack, "R", service=f"{service}.amazonaws.com", description="works")
    role.add_statements(
        iam.PolicyStatement(actions=["s3:GetObject"], resources=["arn:aws:s3:::b/k"])
    )
    Template.from_stack(stack).has_resource_properties(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": {
                "Statement": [
                    {
                        "Action": "sts:AssumeRole",
                        "Effect": "Allow",
                        "Principal": {"Service": f"{service}.amazonaws.com"},
                        "Condition": {
                            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
                        },
                    }
                ],
                "Version": "2012-10-17",
            }
        },
    )


def test_no_one_else_can_add_an_inline_policy(stack: Stack) -> None:
    """Constructs of the CDK add statements to the roles that they are given."""
    role = ServiceRole(stack, "R", service="states.amazonaws.com", description="works")
    role.add_statements(
        iam.PolicyStatement(actions=["s3:GetObject"], resources=["arn:aws:s3:::b/k"])
    )
    role.role.add_to_principal_policy(iam.PolicyStatement(actions=["s3:*"], resources=["*"]))
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::IAM::Policy", 0)
    assert "s3:*" not in json.dumps(template.to_json())


def test_what_an_imported_role_must_allow_is_printed(stack: Stack) -> None:
    """Its owner can copy the statements; the role is not touched."""
    theirs = iam.Role.from_role_arn(stack, "Theirs", "arn:aws:iam::123456789012:role/theirs")
    role = ServiceRole(
        stack, "R", service="sagemaker.amazonaws.com", description="works", existing=theirs
    )
    encryption = EncryptionKey(stack, "K")
    Notifications(stack, "N", encryption=encryption).grant_publish(role.grantee)
    statements = told(stack, "/shop-dev-realtime/R")["Statement"]
    assert [s["Action"] for s in statements] == [
        "sns:Publish",
        ["kms:Decrypt", "kms:GenerateDataKey"],
    ]
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::IAM::ManagedPolicy", 0)
    template.resource_count_is("AWS::IAM::Policy", 0)


def test_an_imported_role_that_lacks_nothing_prints_nothing(stack: Stack) -> None:
    """Only what matters is told."""
    theirs = iam.Role.from_role_arn(stack, "Theirs", "arn:aws:iam::123456789012:role/theirs")
    ServiceRole(stack, "R", service="sagemaker.amazonaws.com", description="x", existing=theirs)
    EncryptionKey(stack, "K")
    Annotations.of(stack).add_info("the stack is synthesized")
    (message,) = Found.from_stack(stack).find_info("*", Match.any_value())
    assert message.entry.data == "the stack is synthesized"


def test_a_key_rotates_and_stays_when_the_stack_goes(stack: Stack) -> None:
    """Whatever it encrypted could not be read any more."""
    EncryptionKey(stack, "K")
    Template.from_stack(stack).has_resource(
        "AWS::KMS::Key",
        {"Properties": {"EnableKeyRotation": True}, "DeletionPolicy": "Retain"},
    )


def test_a_key_may_go_with_the_stack(stack: Stack) -> None:
    """In a stage for trying out nothing should stay."""
    EncryptionKey(stack, "K", removal_policy=RemovalPolicy.DESTROY)
    Template.from_stack(stack).has_resource("AWS::KMS::Key", {"DeletionPolicy": "Delete"})


def test_logs_may_use_the_key_for_this_accounts_groups_only(stack: Stack) -> None:
    """The encryption context names the group, and so the account."""
    key = EncryptionKey(stack, "K")
    key.allow_logs()
    key.allow_logs()
    (resource,) = Template.from_stack(stack).find_resources("AWS::KMS::Key").values()
    statements = resource["Properties"]["KeyPolicy"]["Statement"]
    (logs,) = [s for s in statements if s["Action"] != "kms:*"]
    assert logs["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
    context = json.dumps(logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"])
    assert "arn:aws:logs:us-east-1:" in context
    assert ":log-group:*" in context


def test_rules_write_to_the_topic_without_a_condition(stack: Stack) -> None:
    """EventBridge supports none for topics: with one its messages would be dropped."""
    encryption = EncryptionKey(stack, "K")
    Notifications(stack, "N", encryption=encryption).allow_events()
    template = Template.from_stack(stack)
    for resource_type, policy in (
        ("AWS::KMS::Key", "KeyPolicy"),
        ("AWS::SNS::TopicPolicy", "PolicyDocument"),
    ):
        (resource,) = template.find_resources(resource_type).values()
        (statement,) = [
            s
            for s in resource["Properties"][policy]["Statement"]
            if s["Principal"] == {"Service": "events.amazonaws.com"}
        ]
        assert "Condition" not in statement


def test_what_an_imported_key_must_allow_is_printed(stack: Stack) -> None:
    """Without the statements the alarms would be silent."""
    encryption = EncryptionKey(
        stack, "K", existing=kms.Key.from_key_arn(stack, "Theirs", THEIR_KEY)
    )
    Notifications(stack, "N", encryption=encryption).allow_alarms()
    (statement,) = told(stack, "/shop-dev-realtime/K")["Statement"]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::KMS::Key", 0)
    template.has_resource_properties("AWS::SNS::Topic", {"KmsMasterKeyId": THEIR_KEY})


def test_a_topic_refuses_plain_http_and_tells_its_subscribers(stack: Stack) -> None:
    """Messages name endpoints and errors."""
    encryption = EncryptionKey(stack, "K")
    Notifications(stack, "N", encryption=encryption, emails=["ops@example.com"])
    template = Template.from_stack(stack)
    template.has_resource_properties(
        "AWS::SNS::TopicPolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Effect": "Deny",
                                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                            }
                        )
                    ]
                )
            }
        },
    )
    template.has_resource_properties(
        "AWS::SNS::Subscription", {"Protocol": "email", "Endpoint": "ops@example.com"}
    )
