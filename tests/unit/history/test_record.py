"""What is retained of an endpoint's deployments, and what is let go when."""

import pytest

from inference_constructs.functions.deployment_history.record import Deployment, Record


def test_the_tags_name_the_live_config_and_the_ones_before(stack) -> None:
    """The most recent first; the tags of others stay."""
    stack.keep = 2
    stack.deploy("c1", "m1")
    stack.deploy("c2", "m2")
    stack.deploy("c3", "m3")
    tags = stack.tags()
    assert tags["inference:live-config"] == tags["inference:deployed-config"] == "c3"
    assert stack.previous() == ["c2", "c1"]
    assert tags["inference:keep-previous"] == "2"
    assert tags["inference:retained-properties"] == "DesiredInstanceCount"
    assert tags["team"] == "shop"


def test_what_is_beyond_goes_with_its_model(stack) -> None:
    """One previous deployment is kept, and nothing of the one before it."""
    for number in (1, 2, 3):
        stack.deploy(f"c{number}", f"m{number}")
    assert stack.configs() == {"c2", "c3"}
    assert stack.models() == {"m2", "m3"}
    assert stack.previous() == ["c2"]


def test_nothing_goes_before_the_update_is_through(stack) -> None:
    """CloudFormation may still roll back, and wants the config that it replaced."""
    stack.deploy("c1", "m1")
    stack.deploy("c2", "m2")
    stack.make("c3", ["m3"])
    stack.move("c3")
    before = stack.record("c3")
    assert stack.configs() == {"c1", "c2", "c3"}
    assert stack.previous() == ["c2", "c1"]
    stack.clean_up(*before)
    assert stack.configs() == {"c2", "c3"}


@pytest.mark.parametrize("updates_back", [True, False])
def test_a_rollback_of_the_stack_lets_nothing_go(stack, updates_back: bool) -> None:
    """And forgets what was deployed, whichever requests CloudFormation sends."""
    stack.deploy("c1", "m1")
    stack.deploy("c2", "m2")
    before = stack.tags()
    stack.keep = 2
    stack.fail("c3", "m3", updates_back=updates_back)
    assert stack.configs() == {"c1", "c2"}
    assert {"m1", "m2"} <= stack.models()
    assert stack.tags() == before


@pytest.mark.parametrize("updates_back", [True, False])
def test_the_deployment_after_a_rollback_goes_on_from_what_stood(stack, updates_back: bool) -> None:
    """The failed config is in no record."""
    stack.deploy("c1", "m1")
    stack.deploy("c2", "m2")
    stack.fail("c3", "m3", updates_back=updates_back)
    stack.deploy("c4", "m4")
    assert stack.previous() == ["c2"]
    assert stack.configs() == {"c2", "c4"}


@pytest.mark.parametrize("updates_back", [True, False])
def test_a_lower_number_that_is_rolled_back_lets_nothing_go(stack, updates_back: bool) -> None:
    """The number counts when the update is through, as everything else of it."""
    stack.keep = 3
    for number in (1, 2, 3):
        stack.deploy(f"c{number}", f"m{number}")
    stack.keep = 1
    stack.fail("c4", "m4", updates_back=updates_back)
    assert stack.configs() == {"c1", "c2", "c3"}
    assert stack.tags()["inference:keep-previous"] == "3"


def test_a_lower_number_alone_is_a_deployment_too(stack) -> None:
    """What is beyond it goes although the endpoint does not change."""
    stack.keep = 3
    for number in (1, 2, 3, 4):
        stack.deploy(f"c{number}", f"m{number}")
    stack.keep = 1
    stack.deploy("c4")
    assert stack.configs() == {"c3", "c4"}


def test_a_model_that_a_kept_config_names_stays(stack) -> None:
    """Variants share models, and a variant that did not change keeps its own."""
    stack.deploy("c1", "champion", "old")
    stack.deploy("c2", "champion", "new")
    stack.deploy("c3", "champion", "champion", "newer")
    assert stack.configs() == {"c2", "c3"}
    assert stack.models() == {"champion", "new", "newer"}


def test_a_config_whose_model_left_the_code_can_still_be_let_go(stack) -> None:
    """CloudFormation deletes the Model of a variant that is removed."""
    stack.deploy("c1", "m1", "challenger")
    stack.sagemaker.delete_model(ModelName="challenger")
    stack.deploy("c2", "m1")
    stack.deploy("c3", "m3")
    assert stack.configs() == {"c2", "c3"}


def test_a_deployment_that_sagemaker_took_back_fails(stack) -> None:
    """CloudFormation may not have noticed: the custom resource does."""
    stack.deploy("c1", "m1")
    stack.make("c2", ["m2"])
    answer = stack.ask(
        "Update",
        "UPDATE_IN_PROGRESS",
        ResourceProperties=stack.wanted("c2"),
        OldResourceProperties=stack.properties,
        PhysicalResourceId=stack.physical_id,
    )
    assert answer["Status"] == "FAILED"
    assert "serves c1 instead of c2" in answer["Reason"]
    assert answer["PhysicalResourceId"] == stack.physical_id


def test_a_config_that_went_live_beside_cloudformation_counts_as_the_last_one(stack) -> None:
    """After c1, c2, c3 and back to c2, the deployment of c4 keeps c2."""
    stack.keep = 2
    for number in (1, 2, 3):
        stack.deploy(f"c{number}", f"m{number}")
    stack.move("c2")
    stack.deploy("c3")
    assert stack.configs() == {"c1", "c2", "c3"}
    stack.keep = 1
    stack.deploy("c4", "m4")
    assert stack.previous() == ["c2"]


def test_the_config_of_the_stack_is_never_let_go(stack) -> None:
    """Not even while another one is live."""
    record = Record(
        live="c1", previous=("c3", "c2", "c0"), deployed=Deployment(config="c3", keep=1)
    )
    assert record.beyond == ("c0",)
    assert record.beyond_keep(0) == ("c2", "c0")
    assert record.kept == ("c1", "c3", "c2")


def test_while_the_endpoint_is_closed_deployments_are_still_written_down(stack) -> None:
    """On the config, from where they return to the endpoint."""
    stack.keep = 2
    stack.deploy("c1", "m1")
    stack.deploy("c2", "m2")
    tags = [{"Key": key, "Value": value} for key, value in stack.tags().items()]
    stack.move(None)
    stack.make("c3", ["m3"])
    stack.clean_up(*stack.record("c3"))
    assert stack.configs() == {"c1", "c2", "c3"}
    stack.move("c3")
    arn = stack.sagemaker.describe_endpoint(EndpointName="shop")["EndpointArn"]
    stack.sagemaker.add_tags(ResourceArn=arn, Tags=tags)
    stack.deploy("c4", "m4")
    assert stack.previous() == ["c3", "c2"]
    assert stack.configs() == {"c2", "c3", "c4"}


@pytest.mark.parametrize("closed", [True, False])
def test_a_destroyed_stack_leaves_nothing_but_what_it_deletes_itself(stack, closed: bool) -> None:
    """The present config and its model are CloudFormation's to delete."""
    stack.keep = 3
    for number in (1, 2, 3):
        stack.deploy(f"c{number}", f"m{number}")
    if closed:
        stack.move(None)
    stack.destroy()
    assert stack.configs() == {"c3"}
    assert stack.models() == {"m3"}


def test_a_stack_that_is_destroyed_after_a_rollback_leaves_nothing(stack) -> None:
    """What is live then is not the stack's own config."""
    stack.deploy("c1", "m1")
    stack.deploy("c2", "m2")
    stack.move("c1")
    stack.destroy()
    assert stack.configs() == {"c2"}
    assert stack.models() == {"m2"}


def test_what_is_set_to_be_kept_outlives_the_stack(stack) -> None:
    """A removal policy other than DESTROY."""
    stack.keep_on_deletion = True
    stack.deploy("c1", "m1")
    stack.deploy("c2", "m2")
    stack.destroy()
    assert stack.configs() == {"c1", "c2"}


def test_a_history_that_leaves_the_code_takes_what_it_kept_along(stack) -> None:
    """The endpoint serves on, without the tags of the record."""
    stack.deploy("c1", "m1")
    stack.deploy("c2", "m2")
    stack.destroy("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    assert stack.configs() == {"c2"}
    assert stack.models() == {"m2"}
    assert stack.tags() == {"team": "shop"}


def test_a_failure_is_told_to_cloudformation(stack) -> None:
    """Or the stack would wait for an hour."""
    answer = stack.ask(
        "Create", "CREATE_IN_PROGRESS", ResourceProperties=stack.wanted("c1") | {"Keep": "many"}
    )
    assert answer["Status"] == "FAILED"
