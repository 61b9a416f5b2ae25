"""Prices that are given on the command line."""

import math
from collections.abc import Mapping
from datetime import date
from typing import Final, cast

from inference_ops.errors import CommandError, Exit
from sagemaker_prices import UNITS, Price, Usage

_BY_TYPE: Final = frozenset({"hosting", "asynchronous", "transform"})
_BY_MEMORY: Final = frozenset({"serverless", "provisioned-concurrency", "provisioned-inference"})


def parse_own_price(
    text: str,
    region: str,
    today: date,
    *,
    instance_type: str | None = None,
    memory: int | None = None,
) -> Price:
    """Reads a price such as `transform/ml.m5.large=0.115`.

    Args:
        text: what is given.
        region: where it counts.
        today: the day.
        instance_type: the size of instances, if the text has none.
        memory: the size of serverless endpoints in GB, if the text has none.

    Raises:
        CommandError: it is no price.
    """
    named, separator, amount = text.partition("=")
    usage, _, size = named.partition("/")
    defaults: Mapping[str, str | None] = {
        **dict.fromkeys(_BY_TYPE, instance_type),
        **dict.fromkeys(_BY_MEMORY, None if memory is None else f"{memory}GB"),
    }
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
