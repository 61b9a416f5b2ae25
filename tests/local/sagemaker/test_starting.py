"""How long a container may take until it is healthy."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local_aws.cloud import Cloud
from local_aws.sagemaker import variant_fleet
from local_aws.sagemaker.instances import ModelInstance
from local_aws.sagemaker.variant_fleet import VariantFleet


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing."""
    started = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
    )
    yield started
    started.kill()
    started.wait()


def test_a_container_that_never_answers_is_given_up_after_its_time(
    process: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """Its port takes connections and says nothing: a second is all it gets."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        instance = ModelInstance(
            name="silent",
            image="image",
            role_arn="role",
            directory=tmp_path / "instance",
            process=process,
            port=silent.getsockname()[1],
            logs=SimpleNamespace(flush=lambda: None),  # type: ignore[arg-type]
        )
        began = time.monotonic()
        assert not instance._healthy(timeout=1.0)
        assert 0.9 < time.monotonic() - began < 5
        instance.stop()


@pytest.mark.parametrize(
    ("options", "seconds"),
    [({}, 480), ({"ContainerStartupHealthCheckTimeoutInSeconds": 90}, 90)],
)
def test_a_variant_gives_its_containers_the_time_that_its_config_says(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], seconds: int
) -> None:
    """And as long as AWS where it says nothing."""
    given: list[Any] = []

    class Started:
        name = "i-1"

        @classmethod
        def start(cls, _cloud: Cloud, **options: Any) -> Started:
            given.append(options["startup_timeout"])
            return cls()

    monkeypatch.setattr(variant_fleet, "ModelInstance", Started)
    config = {
        "VariantName": "AllTraffic",
        "ModelName": "model",
        "InstanceType": "ml.m5.large",
        "InitialVariantWeight": 1.0,
        **options,
    }
    cloud = Cloud(port=1, state=Path("/nonexistent"))
    VariantFleet(cloud, endpoint_name="endpoint", config=config, count=1).start()
    assert given == [seconds]
