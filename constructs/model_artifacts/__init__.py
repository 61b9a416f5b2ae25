"""Model artifacts: packing, checks of models and handlers, pins, and the images that serve them.

Pure Python: neither CDK nor boto3. The constructs use it at synth, the command `inference` before.
"""

from model_artifacts.errors import ArtifactError

__all__ = ["ArtifactError"]
