"""Constructs that put a trained XGBoost model into production on SageMaker."""

from inference_constructs.encryption import EncryptionKey
from inference_constructs.notifications import Notifications
from inference_constructs.service_role import ServiceRole

__all__ = ["EncryptionKey", "Notifications", "ServiceRole"]
