"""What it saves to have fewer instances for some hours of the week."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Token

from inference_constructs.business_hours import HOURS_PER_WEEK
from sagemaker_prices import HOURS_PER_MONTH, Usage, find_price


@dataclass(frozen=True, kw_only=True)
class SavedInstances:
    """Instances of one type that are not there outside of the hours.

    Attributes:
        instance_type: their type.
        count: how many; it may be a token.
        usage: what AWS charges them as.
    """

    instance_type: str
    count: int
    usage: Usage = "hosting"


def describe_saving(
    saved: Sequence[SavedInstances], *, hours_closed_per_week: float, region: str
) -> str:
    """Says what is saved in a month, as far as the prices are known.

    Args:
        saved: the instances that are saved.
        hours_closed_per_week: for how long.
        region: where; it may be a token.

    Returns:
        Two sentences or more: the hours, and for each kind of instances the saving with its price.
    """
    hours = HOURS_PER_MONTH * hours_closed_per_week / HOURS_PER_WEEK
    texts = [
        f"closed for {hours_closed_per_week:g} of {HOURS_PER_WEEK} hours a week, or {hours:.0f} "
        "hours a month"
    ]
    known, total = True, 0.0
    for instances in saved:
        if Token.is_unresolved(instances.count):
            texts.append(f"how many {instances.instance_type} are saved is not known at synth")
            known = False
            continue
        subject = f"{instances.count} x {instances.instance_type}"
        price = (
            None
            if Token.is_unresolved(region)
            else find_price(instances.usage, region, instances.instance_type)
        )
        if price is None:
            where = "a region that is not known at synth" if Token.is_unresolved(region) else region
            texts.append(f"{subject}: the price in {where} is unknown")
            known = False
            continue
        usd = hours * instances.count * price.usd
        total += usd
        texts.append(
            f"{subject} at {price.usd:g} USD an hour ({price.standing}): {usd:,.2f} USD a month"
        )
    if known:
        texts.append(f"saving {total:,.2f} USD a month")
    elif total:
        texts.append(f"saving at least {total:,.2f} USD a month")
    else:
        texts.append("saving unknown")
    return "; ".join(texts)
