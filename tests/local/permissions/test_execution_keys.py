"""Who starts an execution uses the key that its state machine encrypts with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "states.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
DEFINITION = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}


def test_an_execution_under_a_key_is_started_by_those_who_may_use_it(
    root: Any, make_key: Callable[..., str], assume: Callable[..., Any]
) -> None:
    """An execution of a state machine without a key of its own needs none."""
    key = make_key()
    use = {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": key}
    start = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": "*"}
    role = assume(use).role_arn
    root("iam").update_assume_role_policy(
        RoleName=role.rpartition("/")[2], PolicyDocument=json.dumps(TRUST)
    )
    states = root("stepfunctions")
    made = {"roleArn": role, "definition": json.dumps(DEFINITION)}
    plain = states.create_state_machine(name="without-a-key", **made)["stateMachineArn"]
    encrypted = states.create_state_machine(
        name="with-a-key",
        encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": key},
        **made,
    )["stateMachineArn"]

    without = assume(start).client("stepfunctions")
    without.start_execution(stateMachineArn=plain)
    with pytest.raises(ClientError, match="not authorized to perform: kms:GenerateDataKey"):
        without.start_execution(stateMachineArn=encrypted)
    assume(start, use).client("stepfunctions").start_execution(stateMachineArn=encrypted)
