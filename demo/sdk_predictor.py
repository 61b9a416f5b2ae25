"""Predictions through the SageMaker Python SDK's `Predictor`; runs in the SDK's own environment.

Usage: sdk_predictor.py ENDPOINT CSV. The last line it prints is a JSON list of the predictions.
"""

import json
import sys
from pathlib import Path

from sagemaker.deserializers import CSVDeserializer
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer


def main() -> None:
    """Send the rows of the file in one request."""
    endpoint, path = sys.argv[1:]
    predictor = Predictor(
        endpoint_name=endpoint, serializer=CSVSerializer(), deserializer=CSVDeserializer()
    )
    answer = predictor.predict(Path(path).read_text())
    print(json.dumps([float(row[0]) for row in answer]))


if __name__ == "__main__":
    main()
