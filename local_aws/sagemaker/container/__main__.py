"""``python -m local_aws.sagemaker.container (--port PORT | --fd FD) [--isolated]``."""

from __future__ import annotations

import argparse
import os
import socket
import sys

from local_aws.sagemaker.container.code import prepare
from local_aws.sagemaker.container.front import Front
from local_aws.sagemaker.container.settings import Settings
from local_aws.sagemaker.container.workers import WorkerPool


def main() -> int:
    """Prepare the code, start the workers and serve."""
    parser = argparse.ArgumentParser(prog="python -m local_aws.sagemaker.container")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", type=int, help="port on loopback")
    where.add_argument("--fd", type=int, help="file descriptor of a listening socket")
    parser.add_argument("--isolated", action="store_true", help="behave as without a network")
    arguments = parser.parse_args()
    # One thread each for xgboost, as the image has it: workers share the instance's CPUs.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    settings = Settings.of(os.environ)
    os.environ.setdefault("SM_MODEL_DIR", str(settings.model_directory))
    if settings.module is not None:
        prepare(settings, os.environ, isolated=arguments.isolated)
    pool = WorkerPool(settings.workers, timeout=settings.timeout, eager=True)
    if not pool.ready():
        return 1
    listener = (
        socket.socket(fileno=arguments.fd)
        if arguments.fd is not None
        else socket.create_server(("127.0.0.1", arguments.port))
    )
    Front(listener, pool).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
