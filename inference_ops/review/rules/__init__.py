"""Rules for changes: they see the template before and after. One rule, one module."""

from inference_ops.review.changes import Change
from inference_ops.review.rules.blue_green_surge import BLUE_GREEN_SURGE
from inference_ops.review.rules.count_edit_retained import COUNT_EDIT_RETAINED
from inference_ops.review.rules.data_capture_lost import DATA_CAPTURE_LOST
from inference_ops.review.rules.data_deleted import DATA_DELETED
from inference_ops.review.rules.endpoint_replaced import ENDPOINT_REPLACED
from inference_ops.review.rules.fixed_name_replaced import FIXED_NAME_REPLACED
from inference_ops.review.rules.guardrail_variant_names import GUARDRAIL_VARIANT_NAMES
from inference_ops.review.rules.guardrails_removed import GUARDRAILS_REMOVED
from inference_ops.review.rules.open_ingress import OPEN_INGRESS
from inference_ops.review.rules.scaled_instance_type import SCALED_INSTANCE_TYPE
from inference_ops.review.rules.scaled_variant_removed import SCALED_VARIANT_REMOVED
from inference_ops.review.rules.scaling_taken_over import SCALING_TAKEN_OVER
from inference_ops.review.rules.serverless_switch import SERVERLESS_SWITCH
from inference_ops.review.rules.weight_edit_retained import WEIGHT_EDIT_RETAINED
from inference_ops.review.rules.wider_permissions import WIDER_PERMISSIONS
from inference_ops.review.rules.xgboost_downgrade import XGBOOST_DOWNGRADE
from inference_rules import Rule

CHANGE_RULES: tuple[Rule[Change], ...] = (
    BLUE_GREEN_SURGE,
    COUNT_EDIT_RETAINED,
    DATA_CAPTURE_LOST,
    DATA_DELETED,
    ENDPOINT_REPLACED,
    FIXED_NAME_REPLACED,
    GUARDRAIL_VARIANT_NAMES,
    GUARDRAILS_REMOVED,
    OPEN_INGRESS,
    SCALED_INSTANCE_TYPE,
    SCALED_VARIANT_REMOVED,
    SCALING_TAKEN_OVER,
    SERVERLESS_SWITCH,
    WEIGHT_EDIT_RETAINED,
    WIDER_PERMISSIONS,
    XGBOOST_DOWNGRADE,
)
