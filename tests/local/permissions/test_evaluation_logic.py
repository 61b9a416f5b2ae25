"""AWS's policy evaluation logic, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.permissions.documents import Principal, Request, parse_policy
from local_aws.permissions.evaluate import Policies, decide, decide_for_service

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/Reader"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Reader/now"
READER = Principal(arn=SESSION, account=ACCOUNT, role_arn=ROLE)
OBJECT = "arn:aws:s3:::models/v1/model.tar.gz"


def statement(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    """A statement about reading objects; ``elements`` replace or add."""
    if not {"Action", "NotAction"} & elements.keys():
        elements["Action"] = "s3:GetObject"
    if not {"Resource", "NotResource"} & elements.keys():
        elements["Resource"] = "*"
    return {"Effect": effect, **elements}


def policy(*statements: dict[str, Any]) -> Any:
    """A parsed policy."""
    return parse_policy({"Version": "2012-10-17", "Statement": list(statements)})


def request(
    action: str = "s3:GetObject",
    resource: str = OBJECT,
    principal: Principal = READER,
    **context: Any,
) -> Request:
    """The reader's request; context keys with ``__`` for a colon."""
    keys = {
        name.replace("__", ":").lower(): (value,) if isinstance(value, str) else tuple(value)
        for name, value in context.items()
    }
    return Request(principal=principal, action=action, resource=resource, context=keys)


def identity_allows(*statements: dict[str, Any], **asked: Any) -> bool:
    """Whether identity-based statements alone allow a request."""
    return decide(request(**asked), Policies(identity=[policy(*statements)])).allowed


def test_nothing_is_allowed_by_default() -> None:
    """Without any policy the answer is AWS's implicit deny."""
    decision = decide(request(), Policies())
    assert not decision.allowed
    assert decision.because == "because no identity-based policy allows the s3:GetObject action"


def test_an_identity_policy_allows() -> None:
    """One allow is enough where nothing denies."""
    assert identity_allows(statement())


@pytest.mark.parametrize(
    ("action", "asked", "matches"),
    [
        ("s3:GetObject", "s3:GetObject", True),
        ("S3:getobject", "s3:GetObject", True),
        ("s3:Get*", "s3:GetObjectVersion", True),
        ("s3:GetObject", "s3:GetObjectVersion", False),
        ("s3:?etObject", "s3:GetObject", True),
        ("*", "kms:Decrypt", True),
        ("s3:*", "s3-object-lambda:Get", False),
        (["s3:PutObject", "s3:GetObject"], "s3:GetObject", True),
    ],
)
def test_actions_match_with_wildcards_and_without_regard_to_case(
    action: Any, asked: str, matches: bool
) -> None:
    """IAM's action patterns."""
    assert identity_allows(statement(Action=action), action=asked) is matches


@pytest.mark.parametrize(
    ("resource", "asked", "matches"),
    [
        ("arn:aws:s3:::models/*", OBJECT, True),
        ("arn:aws:s3:::models", OBJECT, False),
        ("arn:aws:s3:::models/v?/model.tar.gz", OBJECT, True),
        ("arn:aws:s3:::Models/*", OBJECT, False),
        (["arn:aws:s3:::other/*", "arn:aws:s3:::models/v1/*"], OBJECT, True),
        ("arn:aws:s3:::${aws:PrincipalTag/team}/*", OBJECT, True),
        ("arn:aws:s3:::${aws:PrincipalTag/none}/*", OBJECT, False),
        ("arn:aws:s3:::${aws:PrincipalTag/none, 'models'}/*", OBJECT, True),
        ("arn:aws:s3:::models/${*}", OBJECT, False),
        ("arn:aws:s3:::models/${*}", "arn:aws:s3:::models/*", True),
        (
            "arn:aws:sagemaker:*:*:endpoint/MyEndpoint",
            "arn:aws:sagemaker:us-east-1:123456789012:endpoint/myendpoint",
            True,
        ),
    ],
)
def test_resources_match_with_wildcards_and_variables(
    resource: Any, asked: str, matches: bool
) -> None:
    """Case matters, but for SageMaker, whose ARNs are in lower case whatever was asked for."""
    allowed = identity_allows(
        statement(Resource=resource), resource=asked, **{"aws__PrincipalTag/team": "models"}
    )
    assert allowed is matches


def test_a_variable_s_value_is_not_a_pattern() -> None:
    """A tag with a star in it does not open everything."""
    assert not identity_allows(
        statement(Resource="arn:aws:s3:::${aws:PrincipalTag/team}/*"),
        **{"aws__PrincipalTag/team": "*"},
    )


def test_not_action_allows_everything_else() -> None:
    """NotAction with Allow."""
    assert identity_allows(statement(NotAction="iam:*"))
    assert not identity_allows(statement(NotAction="iam:*"), action="iam:PassRole")


def test_not_resource_denies_everything_else() -> None:
    """NotResource with Deny keeps a role to one bucket."""
    statements = (
        statement(),
        statement("Deny", NotResource=["arn:aws:s3:::models/*"]),
    )
    assert identity_allows(*statements)
    assert not identity_allows(*statements, resource="arn:aws:s3:::secrets/key")


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("identity", "with an explicit deny in an identity-based policy"),
        ("resource", "with an explicit deny in a resource-based policy"),
        ("boundary", "with an explicit deny in a permissions boundary"),
        ("session", "with an explicit deny in a session policy"),
    ],
)
def test_an_explicit_deny_wins_wherever_it_stands(where: str, said: str) -> None:
    """Even against an allow that names the session in the resource's policy."""
    everything = policy(statement())
    named = policy(statement(Principal={"AWS": SESSION}))
    deny = policy(statement("Deny", **({"Principal": "*"} if where == "resource" else {})))
    parts: dict[str, Any] = {
        "identity": [everything],
        "boundary": everything,
        "session": everything,
        "resource": named,
    }
    parts[where] = [everything, deny] if where == "identity" else deny
    decision = decide(request(), Policies(**parts))
    assert not decision.allowed
    assert decision.because == said


def test_a_boundary_grants_nothing() -> None:
    """An allow only in the boundary is no allow."""
    assert not decide(request(), Policies(boundary=policy(statement()))).allowed


def test_a_boundary_limits_what_identity_policies_grant() -> None:
    """The intersection of both."""
    reads = Policies(
        identity=[policy(statement(Action="*"))], boundary=policy(statement(Action="s3:*"))
    )
    assert decide(request(), reads).allowed
    decision = decide(request(action="kms:Decrypt"), reads)
    assert decision.because == "because no permissions boundary allows the kms:Decrypt action"


def test_a_session_policy_limits_too() -> None:
    """The policy passed to AssumeRole."""
    decision = decide(
        request(),
        Policies(identity=[policy(statement())], session=policy(statement(Action="s3:ListBucket"))),
    )
    assert decision.because == "because no session policy allows the s3:GetObject action"


NARROW = {"boundary": policy(statement(Action="sns:*"))}


@pytest.mark.parametrize(
    ("principal", "limits", "allowed"),
    [
        # Who is named as a session needs nothing else, not even the boundary's leave.
        ({"AWS": SESSION}, {}, True),
        ({"AWS": SESSION}, NARROW, True),
        ("*", {}, True),
        ({"AWS": "*"}, {}, True),
        # Who is named as a role needs no identity policy, but the boundary still limits.
        ({"AWS": ROLE}, {}, True),
        ({"AWS": ROLE}, NARROW, False),
        # The account as a whole only delegates to identity policies.
        ({"AWS": ACCOUNT}, {}, False),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, {}, False),
        # Somebody else.
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/Other"}, {}, False),
        ({"AWS": "210987654321"}, {}, False),
        ({"Service": "sagemaker.amazonaws.com"}, {}, False),
    ],
)
def test_a_resource_policy_s_principal_decides_what_else_must_allow(
    principal: Any, limits: dict[str, Any], allowed: bool
) -> None:
    """Within one account, without an identity-based allow."""
    resource = policy(statement(Principal=principal))
    assert decide(request(), Policies(resource=resource, **limits)).allowed is allowed


def test_a_key_s_policy_must_allow_whatever_the_role_s_policies_say() -> None:
    """A KMS key that does not name the account is out of reach of identity policies."""
    decrypt = statement(Action="kms:Decrypt")
    asked = request(action="kms:Decrypt", resource="arn:aws:kms:us-east-1:123456789012:key/1")

    def judged(*statements: dict[str, Any], identity: bool = True) -> Any:
        return decide(
            asked,
            Policies(
                identity=[policy(decrypt)] if identity else [],
                resource=policy(*statements),
                resource_decides=True,
            ),
        )

    root = statement(Action="kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    other = statement(Action="kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/Other"})
    named = statement(Action="kms:Decrypt", Principal={"AWS": ROLE})
    assert judged(root).allowed
    assert not judged(root, identity=False).allowed
    assert judged(named, identity=False).allowed
    assert judged(other).because == "because no resource-based policy allows the kms:Decrypt action"


def test_a_deny_for_everybody_but_one_role_spares_that_role() -> None:
    """NotPrincipal with Deny, and the condition that AWS recommends instead."""
    for spared in (
        statement("Deny", NotPrincipal={"AWS": [ROLE, SESSION, ACCOUNT]}),
        statement("Deny", Principal="*", Condition={"ArnNotEquals": {"aws:PrincipalArn": ROLE}}),
    ):
        parts = Policies(identity=[policy(statement())], resource=policy(spared))
        assert decide(request(aws__PrincipalArn=ROLE), parts).allowed
        other = Principal(
            arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/Other/now",
            account=ACCOUNT,
            role_arn=f"arn:aws:iam::{ACCOUNT}:role/Other",
        )
        asked = request(principal=other, aws__PrincipalArn=f"arn:aws:iam::{ACCOUNT}:role/Other")
        assert not decide(asked, parts).allowed


@pytest.mark.parametrize(
    ("principal", "condition", "allowed"),
    [
        ({"Service": "cloudwatch.amazonaws.com"}, {}, True),
        ({"Service": ["events.amazonaws.com", "cloudwatch.amazonaws.com"]}, {}, True),
        ({"Service": "events.amazonaws.com"}, {}, False),
        ({"AWS": ACCOUNT}, {}, False),
        ("*", {"StringEquals": {"AWS:SourceOwner": ACCOUNT}}, True),
        (
            {"Service": "cloudwatch.amazonaws.com"},
            {"ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:*:123456789012:alarm:*"}},
            True,
        ),
        (
            {"Service": "cloudwatch.amazonaws.com"},
            {"StringEquals": {"aws:SourceAccount": "210987654321"}},
            False,
        ),
    ],
)
def test_a_service_stands_on_the_resource_s_policy_alone(
    principal: Any, condition: Any, allowed: bool
) -> None:
    """Principal elements and confused-deputy conditions."""
    asked = request(
        action="sns:Publish",
        principal=Principal(arn="cloudwatch.amazonaws.com", account=ACCOUNT, service=True),
        aws__SourceAccount=ACCOUNT,
        aws__SourceOwner=ACCOUNT,
        aws__SourceArn="arn:aws:cloudwatch:us-east-1:123456789012:alarm:one",
    )
    resource = policy(statement(Action="sns:Publish", Principal=principal, Condition=condition))
    assert decide_for_service(asked, resource).allowed is allowed
    denied = policy(
        statement(Action="*", Principal="*"), statement("Deny", Action="*", Principal="*")
    )
    assert not decide_for_service(asked, denied).allowed
    assert not decide_for_service(asked, None).allowed
