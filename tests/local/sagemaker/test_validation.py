"""Requests are judged by the service model, in the words of AWS's services."""

from __future__ import annotations

from typing import Any

import pytest
from moto.sagemaker.exceptions import AWSValidationException

from local_aws.sagemaker.validation import validate

VARIANT = {"VariantName": "AllTraffic", "ModelName": "m", "InstanceType": "ml.m5.large"}


def config(**changes: Any) -> dict[str, Any]:
    """A CreateEndpointConfig request with a changed variant."""
    variant = {key: value for key, value in (VARIANT | changes).items() if value is not None}
    return {"EndpointConfigName": "c", "ProductionVariants": [variant]}


def test_a_good_request_passes() -> None:
    """No fault, no error."""
    validate("CreateEndpointConfig", config(InitialVariantWeight=0.0, InitialInstanceCount=1))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"VariantName": None},
            "Value null at 'productionVariants.1.member.variantName' failed to satisfy "
            "constraint: Member must not be null",
        ),
        (
            {"InitialVariantWeight": -1.0},
            "Value '-1.0' at 'productionVariants.1.member.initialVariantWeight' failed to satisfy "
            "constraint: Member must have value greater than or equal to 0",
        ),
        (
            {"VolumeSizeInGB": 513},
            "Value '513' at 'productionVariants.1.member.volumeSizeInGB' failed to satisfy "
            "constraint: Member must have value less than or equal to 512",
        ),
        (
            {"RoutingConfig": {"RoutingStrategy": "BEST"}},
            "Value 'BEST' at 'productionVariants.1.member.routingConfig.routingStrategy' failed "
            "to satisfy constraint: Member must satisfy enum value set: "
            "[LEAST_OUTSTANDING_REQUESTS, RANDOM",
        ),
        (
            {"ModelName": "-m"},
            "Value '-m' at 'productionVariants.1.member.modelName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: "
            "[a-zA-Z0-9]([\\-a-zA-Z0-9]*[a-zA-Z0-9])?",
        ),
    ],
)
def test_one_fault(changes: dict[str, Any], fault: str) -> None:
    """Null, lower and upper bound, enum, pattern."""
    with pytest.raises(AWSValidationException) as raised:
        validate("CreateEndpointConfig", config(**changes))
    assert raised.value.message.startswith(f"1 validation error detected: {fault}")


def test_all_faults_come_in_one_message() -> None:
    """Two of them."""
    with pytest.raises(AWSValidationException) as raised:
        validate("CreateEndpointConfig", config(InitialVariantWeight=-1, InstanceType="ml.nothing"))
    assert raised.value.message.startswith("2 validation errors detected: Value 'ml.nothing' at")
    assert "; Value '-1' at" in raised.value.message


def test_a_list_that_is_too_long_is_refused() -> None:
    """At most ten production variants."""
    request = {"EndpointConfigName": "c", "ProductionVariants": [VARIANT] * 11}
    with pytest.raises(AWSValidationException, match="length less than or equal to 10"):
        validate("CreateEndpointConfig", request)
