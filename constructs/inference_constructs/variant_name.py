"""What SageMaker takes as the name of a variant."""

from aws_cdk import Token

from inference_constructs.variant import NAME


def name_faults(name: str) -> list[str]:
    """Says what is wrong with a variant's name.

    Args:
        name: the name.
    """
    if Token.is_unresolved(name) or NAME.fullmatch(name):
        return []
    return [f"name must be up to 63 letters, digits and inner hyphens, not {name!r}"]
