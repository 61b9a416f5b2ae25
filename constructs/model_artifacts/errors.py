"""The one error of this package."""


class ArtifactError(ValueError):
    """A model, its code or its pin cannot be deployed as it is; the message says what to change."""
