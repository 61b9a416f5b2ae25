"""What the commands of costs are given: regions, parameters, prices."""

import math
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final, cast

from inference_ops.errors import CommandError, Exit
from sagemaker_prices import UNITS, Price, Usage

_BY_TYPE: Final = frozenset({"hosting", "asynchronous", "transform"})
_BY_MEMORY: Final = frozenset({"serverless", "provisioned-concurrency", "provisioned-inference"})


def region_of(given: str | None) -> str:
    """The region whose prices count.

    Args:
        given: with an option, or by an assembly; else the environment tells.

    Raises:
        CommandError: nobody tells one.
    """
    found = given or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not found:
        raise CommandError(
            "no region: give --region or set AWS_REGION, as prices depend on it", Exit.USAGE
        )
    return found


def parameters_of(given: Sequence[str] | None) -> dict[str, str]:
    """Parameters of a template.

    Args:
        given: each as `NAME=VALUE`.

    Raises:
        CommandError: one is not.
    """
    wrong = [each for each in given or () if "=" not in each]
    if wrong:
        raise CommandError(f"--parameter must be NAME=VALUE, not {wrong[0]}", Exit.USAGE)
    return dict(each.split("=", 1) for each in given or ())


def own_prices(
    given: Sequence[str] | None,
    region: str,
    *,
    instance_type: str | None = None,
    memory: int | None = None,
) -> list[Price]:
    """Prices of the user's own.

    Args:
        given: each such as `transform/ml.m5.large=0.115`.
        region: where they count.
        instance_type: the size of instances, where a price has none.
        memory: the size of serverless endpoints in GB, where a price has none.

    Raises:
        CommandError: one is no price.
    """
    today = datetime.now(UTC).date()
    defaults: Mapping[str, str | None] = {
        **dict.fromkeys(_BY_TYPE, instance_type),
        **dict.fromkeys(_BY_MEMORY, None if memory is None else f"{memory}GB"),
    }
    return [_own_price(text, region, today, defaults) for text in given or ()]


def _own_price(text: str, region: str, today: date, defaults: Mapping[str, str | None]) -> Price:
    named, separator, amount = text.partition("=")
    usage, _, size = named.partition("/")
    usd = _number(amount)
    if not separator or usage not in UNITS or usd is None:
        raise CommandError(
            f"--own-price must be USAGE[/SIZE]=USD, not {text!r}; usages are {', '.join(UNITS)}",
            Exit.USAGE,
        )
    found = size or defaults.get(usage)
    if usage in defaults and found is None:
        raise CommandError(
            f"--own-price {text!r} must say which size: {usage}/ml.m5.large=… or {usage}/3GB=…",
            Exit.USAGE,
        )
    return Price(
        region=region,
        usage=cast(Usage, usage),
        size=found,
        usd=usd,
        unit=UNITS[cast(Usage, usage)],
        read=today,
        source="given with --own-price",
        confirmed=False,
    )


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
