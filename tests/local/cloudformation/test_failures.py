"""What is left of a stack when something fails, and what is kept when it goes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_a_failed_creation_is_rolled_back_with_the_services_own_reason(
    stacks: Any, parameter: Any, ssm: Any
) -> None:
    """Nothing is left, and the reason names the fault."""
    name = stacks.new_name()
    ssm.put_parameter(Name=f"/{name}/taken", Value="x", Type="String")
    stack = stacks.deploy(
        name,
        {
            "Good": parameter(Name=f"/{name}/good"),
            "Bad": parameter(Name=f"/{name}/taken", DependsOn="Good"),
            "Later": parameter(DependsOn="Bad"),
        },
    )
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    events = stacks.events(stack)
    (failed,) = [entry for entry in events if entry[1] == "CREATE_FAILED"]
    assert failed[0] == "Bad"
    assert "parameter already exists" in failed[2]
    assert "HandlerErrorCode: AlreadyExists" in failed[2]
    assert (
        name,
        "ROLLBACK_IN_PROGRESS",
        "The following resource(s) failed to create: [Bad]. Rollback requested by user.",
    ) in events
    assert not [entry for entry in events if entry[0] == "Later"]
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name=f"/{name}/good")
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        stacks.change_set(name, {"Good": parameter()})
    ssm.delete_parameter(Name=f"/{name}/taken")


def test_a_failed_update_brings_back_what_stood_before(
    stacks: Any, parameter: Any, ssm: Any
) -> None:
    """Properties, physical ids, outputs and template are the old ones; what was new is gone."""
    name = stacks.new_name()
    ssm.put_parameter(Name=f"/{name}/taken", Value="x", Type="String")
    outputs = {"Outputs": {"Value": {"Value": {"Fn::GetAtt": ["Changed", "Value"]}}}}
    first = {
        "Changed": parameter("old"),
        "Replaced": parameter(Name=f"/{name}/old"),
        "Removed": parameter(Name=f"/{name}/removed"),
    }
    before = stacks.deploy(name, first, template=outputs)
    ids = {key: stacks.physical_id(before, key) for key in first}
    after = stacks.deploy(
        name,
        {
            "Changed": parameter("new"),
            "Replaced": parameter(Name=f"/{name}/new"),
            "Added": parameter(Name=f"/{name}/added"),
            "Bad": parameter(Name=f"/{name}/taken", DependsOn=["Changed", "Replaced", "Added"]),
        },
        template=outputs,
    )
    assert after["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert after["Outputs"] == before["Outputs"]
    assert {key: stacks.physical_id(after, key) for key in first} == ids
    assert ssm.get_parameter(Name=ids["Changed"])["Parameter"]["Value"] == "old"
    for gone in ("new", "added"):
        with pytest.raises(ClientError, match="ParameterNotFound"):
            ssm.get_parameter(Name=f"/{name}/{gone}")
    template = stacks.api.get_template(StackName=name)["TemplateBody"]
    assert sorted(template["Resources"]) == sorted(first)
    steps = [entry[:2] for entry in stacks.events(after) if entry[0] == name][-4:]
    assert [status for _, status in steps] == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]
    fixed = stacks.deploy(name, {**first, "Changed": parameter("new")}, template=outputs)
    assert fixed["StackStatus"] == "UPDATE_COMPLETE"
    ssm.delete_parameter(Name=f"/{name}/taken")


def test_without_rollback_a_failed_stack_stays_and_can_be_completed_or_rolled_back(
    stacks: Any, parameter: Any, ssm: Any
) -> None:
    """The next deployment goes on from there, and RollbackStack leads to the state before both."""
    name = stacks.new_name()
    ssm.put_parameter(Name=f"/{name}/taken", Value="x", Type="String")
    stacks.deploy(name, {"A": parameter("1")})
    bad = {
        "A": parameter("2"),
        "New": parameter(Name=f"/{name}/new"),
        "Bad": parameter(Name=f"/{name}/taken", DependsOn=["A", "New"]),
    }
    for _ in range(2):
        stack = stacks.execute(stacks.change_set(name, bad), DisableRollback=True)
        assert stack["StackStatus"] == "UPDATE_FAILED"
    a = stacks.physical_id(stack, "A")
    assert ssm.get_parameter(Name=a)["Parameter"]["Value"] == "2"
    stacks.api.rollback_stack(StackName=name)
    stack = stacks.wait(stack["StackId"])
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert ssm.get_parameter(Name=a)["Parameter"]["Value"] == "1"
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name=f"/{name}/new")
    stack = stacks.execute(stacks.change_set(name, bad), DisableRollback=True)
    ssm.delete_parameter(Name=f"/{name}/taken")
    stack = stacks.execute(stacks.change_set(name, bad), DisableRollback=True)
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical_id(stack, "Bad") == f"/{name}/taken"


def test_policies_decide_what_stays_in_the_account(stacks: Any, parameter: Any, ssm: Any) -> None:
    """DeletionPolicy for what is removed, UpdateReplacePolicy for what is replaced."""
    name = stacks.new_name()
    retained = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    stacks.deploy(
        name,
        {
            "Removed": parameter(Name=f"/{name}/removed", **retained),
            "Replaced": parameter(Name=f"/{name}/replaced", **retained),
            "Plain": parameter(),
        },
    )
    stacks.deploy(
        name,
        {"Replaced": parameter(Name=f"/{name}/second", **retained), "Plain": parameter()},
    )
    stack = stacks.delete(name)
    assert stack["StackStatus"] == "DELETE_COMPLETE"
    skipped = {entry[0] for entry in stacks.events(stack) if entry[1] == "DELETE_SKIPPED"}
    assert skipped == {"Removed", "Replaced"}
    for left in ("removed", "replaced", "second"):
        ssm.delete_parameter(Name=f"/{name}/{left}")


def test_retain_except_on_create_is_deleted_only_with_its_own_creation(
    stacks: Any, parameter: Any, ssm: Any
) -> None:
    """A creation that is rolled back takes it along, a plain Retain stays."""
    name = stacks.new_name()
    ssm.put_parameter(Name=f"/{name}/taken", Value="x", Type="String")
    stacks.deploy(
        name,
        {
            "Unless": parameter(Name=f"/{name}/unless", DeletionPolicy="RetainExceptOnCreate"),
            "Always": parameter(Name=f"/{name}/always", DeletionPolicy="Retain"),
            "Bad": parameter(Name=f"/{name}/taken", DependsOn=["Unless", "Always"]),
        },
    )
    names = {
        found["Name"]
        for found in ssm.get_parameters(Names=[f"/{name}/unless", f"/{name}/always"])["Parameters"]
    }
    assert names == {f"/{name}/always"}
    for left in ("always", "taken"):
        ssm.delete_parameter(Name=f"/{name}/{left}")


def test_a_resource_that_cannot_be_deleted_fails_the_deletion_until_it_is_retained(
    stacks: Any, parameter: Any, local_aws: Any
) -> None:
    """The stack says which one, and can be deleted without it."""
    s3, name = local_aws.client("s3"), stacks.new_name()
    stacks.deploy(
        name,
        {
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}},
            "User": parameter({"Ref": "Bucket"}),
        },
    )
    s3.put_object(Bucket=name, Key="kept", Body=b"x")
    stack = stacks.delete(name)
    assert stack["StackStatus"] == "DELETE_FAILED"
    assert stack["StackStatusReason"] == "The following resource(s) failed to delete: [Bucket]. "
    (reason,) = {entry[2] for entry in stacks.events(stack) if entry[1] == "DELETE_FAILED"} - {
        stack["StackStatusReason"]
    }
    assert "not empty" in reason
    assert stacks.delete(name, RetainResources=["Bucket"])["StackStatus"] == "DELETE_COMPLETE"
    s3.delete_object(Bucket=name, Key="kept")
    s3.delete_bucket(Bucket=name)


def test_an_operation_may_delete_what_is_new_in_spite_of_its_policy(
    stacks: Any, parameter: Any, ssm: Any
) -> None:
    """RetainExceptOnCreate of the operation; what stood before is retained as ever."""
    name = stacks.new_name()
    ssm.put_parameter(Name=f"/{name}/taken", Value="x", Type="String")
    stacks.deploy(name, {"Old": parameter(Name=f"/{name}/old", DeletionPolicy="Retain")})
    change_set = stacks.change_set(
        name,
        {
            "Old": parameter("y", Name=f"/{name}/old", DeletionPolicy="Retain"),
            "New": parameter(Name=f"/{name}/new", DeletionPolicy="Retain"),
            "Bad": parameter(Name=f"/{name}/taken", DependsOn=["New", "Old"]),
        },
    )
    stack = stacks.execute(change_set, RetainExceptOnCreate=True)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stack["RetainExceptOnCreate"] is True
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name=f"/{name}/new")
    assert ssm.get_parameter(Name=f"/{name}/old")["Parameter"]["Value"] == "x"
    for left in ("old", "taken"):
        ssm.delete_parameter(Name=f"/{name}/{left}")


def test_an_alarm_of_another_name_is_another_alarm(stacks: Any, local_aws: Any) -> None:
    """It begins without data; the one that it replaces is deleted last, with its state."""
    cloudwatch, name = local_aws.client("cloudwatch"), stacks.new_name()

    def alarm(suffix: str) -> Any:
        return stacks.resource(
            "AWS::CloudWatch::Alarm",
            AlarmName=f"{name}-{suffix}",
            Namespace="Tests",
            MetricName="none",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore",
        )

    def states() -> dict[str, str]:
        found = cloudwatch.describe_alarms(AlarmNamePrefix=name)["MetricAlarms"]
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}

    stacks.deploy(name, {"Alarm": alarm("a")})
    cloudwatch.set_alarm_state(AlarmName=f"{name}-a", StateValue="ALARM", StateReason="test")
    change_set = stacks.change_set(name, {"Alarm": alarm("b")})
    (change,) = change_set["Changes"]
    assert change["ResourceChange"]["Replacement"] == "True"
    stack = stacks.execute(change_set)
    assert states() == {f"{name}-b": "INSUFFICIENT_DATA"}
    steps = [entry[:2] for entry in stacks.events(stack)]
    assert steps.index((name, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")) < steps.index(
        ("Alarm", "DELETE_COMPLETE")
    )
