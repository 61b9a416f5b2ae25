"""The table of instance types against the service's own model and EC2's hardware."""

import botocore.session
import pytest

from inference_constructs import instance_types, instance_types_update


def test_the_table_is_the_installed_botocores() -> None:
    """`python -m inference_constructs.instance_types_update` writes it anew."""
    assert instance_types.DATA.read_text() == instance_types_update.render()


def test_every_type_of_the_services_enumeration_is_known() -> None:
    """Read here from botocore, not through the module that writes the table."""
    model = botocore.session.get_session().get_service_model("sagemaker")
    for name in model.shape_for("ProductionVariantInstanceType").enum:
        assert instance_types.hosting_fault(name) is None
    for name in model.shape_for("TransformInstanceType").enum:
        assert instance_types.transform_fault(name) is None


@pytest.mark.parametrize(
    ("name", "vcpus", "local_storage"),
    [
        ("ml.t2.medium", 2, False),
        ("ml.m5.large", 2, False),
        ("ml.c4.8xlarge", 36, False),
        ("ml.m5d.24xlarge", 96, True),
        ("ml.g5.xlarge", 4, True),
        ("ml.p3.2xlarge", 8, False),
        ("ml.inf1.xlarge", 4, False),
        ("ml.trn1.32xlarge", 128, True),
    ],
)
def test_hardware_is_as_ec2_documents_it(name: str, vcpus: int, local_storage: bool) -> None:
    """From the pages of EC2's instance types."""
    found = instance_types.find_instance_type(name)
    assert found is not None
    assert (found.vcpus, found.local_storage) == (vcpus, local_storage)


def test_a_hosting_type_need_not_be_one_for_batch() -> None:
    """No T type is offered for batch transform, though T2 hosts endpoints."""
    assert instance_types.hosting_fault("ml.t2.medium") is None
    fault = instance_types.transform_fault("ml.t2.medium")
    assert fault is not None
    assert "is not offered for batch transform" in fault
