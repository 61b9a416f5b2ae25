"""Prices of SageMaker and of what stands around it, each with the day it was read and where.

Pure Python: neither CDK nor boto3. A price that is not known is None, never a guess.
"""

from sagemaker_prices.prices import (
    HOURS_PER_MONTH,
    UNITS,
    Price,
    PriceTable,
    Unit,
    Usage,
    find_price,
    read_snapshot,
    shipped_prices,
    write_snapshot,
)

__all__ = [
    "HOURS_PER_MONTH",
    "UNITS",
    "Price",
    "PriceTable",
    "Unit",
    "Usage",
    "find_price",
    "read_snapshot",
    "shipped_prices",
    "write_snapshot",
]
