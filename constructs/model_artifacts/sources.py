"""Where a trained model comes from, in the words of a settings file or of the command line."""

import re
from dataclasses import dataclass
from typing import Literal

from model_artifacts.errors import ArtifactError

SourceKind = Literal["s3", "training-job", "tuning-job", "model-package"]

_FORMS = (
    "s3://BUCKET/KEY, training-job/NAME, tuning-job/NAME, model-package/GROUP/VERSION or one of "
    "their ARNs"
)
_NAME = r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62}"
# Tuning jobs end at 32 characters, groups at 63; a package without a group is one name only.
_PATTERNS: dict[SourceKind, re.Pattern[str]] = {
    "s3": re.compile(r"(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/\S+)"),
    "training-job": re.compile(rf"training-job/({_NAME})"),
    "tuning-job": re.compile(rf"tuning-job/({_NAME})"),
    "model-package": re.compile(rf"model-package/({_NAME}(?:/[1-9]\d*)?)"),
}
_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):sagemaker:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):"
    r"(?P<kind>training-job|hyper-parameter-tuning-job|model-package)/(?P<name>\S+)"
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A place that a model comes from.

    Attributes:
        kind: What it is.
        name: The job's name, the package's `GROUP/VERSION`, or the whole S3 URI.
        arn: The ARN, if it was given as one: it also says in which account and region to look.
    """

    kind: SourceKind
    name: str
    arn: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Source":
        """Read a source.

        Args:
            text: `s3://BUCKET/KEY`, `training-job/NAME`, `tuning-job/NAME`,
                `model-package/GROUP/VERSION`, or the ARN of such a job or package.

        Returns:
            The source.

        Raises:
            ArtifactError: The text has none of these forms.
        """
        arn = _ARN.fullmatch(text)
        short = text
        if arn is not None:
            short = f"{arn['kind'].removeprefix('hyper-parameter-')}/{arn['name']}"
        for kind, pattern in _PATTERNS.items():
            if match := pattern.fullmatch(short):
                return cls(kind=kind, name=match[1], arn=text if arn is not None else None)
        raise ArtifactError(f"unknown source of a model {text!r}: expected {_FORMS}")

    @property
    def region(self) -> str | None:
        """The region that the ARN names."""
        match = _ARN.fullmatch(self.arn or "")
        return match["region"] if match else None

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        if self.arn is not None:
            return self.arn
        return self.name if self.kind == "s3" else f"{self.kind}/{self.name}"
