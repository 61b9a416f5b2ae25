"""The table of images is sagemaker-core's."""

import json

import pytest

from model_artifacts import ArtifactError, images, images_update
from model_artifacts.images import DATA, find_image, pytorch_image, xgboost_image


def test_the_table_equals_that_of_the_installed_sagemaker_core() -> None:
    """After an update of the package, `python -m model_artifacts.images_update` writes it anew."""
    assert json.loads(DATA.read_text()) == images_update.read_table()


@pytest.mark.parametrize(
    ("region", "version", "uri"),
    [
        # The registries of AWS's page "Docker Registry Paths and Example Code".
        (
            "us-east-1",
            "3.2-0",
            "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
        ),
        (
            "eu-west-1",
            "1.7-1",
            "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1",
        ),
        (
            "cn-north-1",
            "3.2-0",
            "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-xgboost:3.2-0",
        ),
        (
            "us-east-1",
            "1.0-1",
            "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.0-1-cpu-py3",
        ),
    ],
)
def test_an_image_is_found_in_its_region(region: str, version: str, uri: str) -> None:
    """Account, domain of the partition, repository and tag."""
    assert xgboost_image(region, version) == uri


def test_the_pytorch_image_is_that_for_processors_without_gpu() -> None:
    """The other container that can serve, with XGBoost brought along."""
    assert pytorch_image("us-east-1") == (
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
    )


def test_a_region_without_the_image_is_refused_with_those_that_have_it() -> None:
    """A typing error as well as a region that AWS opened since."""
    with pytest.raises(ArtifactError, match=r"not published in 'us-esat-1': use one of af-south-1"):
        xgboost_image("us-esat-1")


def test_a_version_without_an_image_is_refused_with_those_that_exist() -> None:
    """XGBoost's own version number is not the image's."""
    with pytest.raises(ArtifactError, match=r"no xgboost image '2\.1-0': expected one of .*3\.2-0"):
        find_image("xgboost", "2.1-0")


def test_the_default_is_the_newest_xgboost_image() -> None:
    """An update of the table brings a decision, not a silent change."""
    versions = json.loads(DATA.read_text())["frameworks"]["xgboost"]
    assert max(versions, key=lambda v: [int(x) for x in v.replace("-", ".").split(".")]) == (
        images.DEFAULT_XGBOOST_VERSION
    )
