"""SageMaker's prices, as far as they are known: each with the day it was read and where.

Pure Python: neither CDK nor boto3. A price that is not known is None, never a guess.
"""

from sagemaker_prices.prices import HOURS_PER_MONTH, Price, Usage, find_price

__all__ = ["HOURS_PER_MONTH", "Price", "Usage", "find_price"]
