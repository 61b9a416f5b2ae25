"""`RetainedProperties`: what an update leaves as it finds it on the live endpoint."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RetainedProperties:
    """What an update keeps of the live variants instead of taking it from the code.

    SageMaker keeps or takes a property for all the variants of an endpoint alike.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html

    Attributes:
        instance_counts: whether each variant keeps the instances that it has by then. By default
            they are kept where any variant is scaled, or an update would set a scaled-out fleet
            back to its initial size, in the middle of the load.
        weights: whether the traffic stays shared as it is by then. By default it is shared as the
            code says; kept, an edit of a weight in code has no effect.
    """

    instance_counts: bool | None = None
    weights: bool = False

    def excluded(self, *, scaled: bool) -> list[str] | None:
        """What is taken from the code although the rest is kept, in SageMaker's own words.

        Args:
            scaled: whether any variant is scaled.

        Returns:
            The names, or None if nothing at all is kept.
        """
        counts = scaled if self.instance_counts is None else self.instance_counts
        if not counts and not self.weights:
            return None
        kept = {"DesiredInstanceCount": counts, "DesiredWeight": self.weights}
        return [name for name, is_kept in kept.items() if not is_kept]
