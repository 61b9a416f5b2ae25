"""One rule, one module."""

from inference_rules.checks.administrator_statement import ADMINISTRATOR_STATEMENT
from inference_rules.checks.alarm_cpu_cores import ALARM_CPU_CORES
from inference_rules.checks.alarm_dimensions import ALARM_DIMENSIONS
from inference_rules.checks.alarm_error_rate import ALARM_ERROR_RATE
from inference_rules.checks.alarm_namespace import ALARM_NAMESPACE
from inference_rules.checks.alarm_units import ALARM_UNITS
from inference_rules.checks.alarm_within_bake import ALARM_WITHIN_BAKE
from inference_rules.checks.alarm_without_action import ALARM_WITHOUT_ACTION
from inference_rules.checks.arn_as_name import ARN_AS_NAME
from inference_rules.checks.async_wake_up import ASYNC_WAKE_UP
from inference_rules.checks.batch_job_name import BATCH_JOB_NAME
from inference_rules.checks.batch_payload import BATCH_PAYLOAD
from inference_rules.checks.canary_size import CANARY_SIZE
from inference_rules.checks.component_role import COMPONENT_ROLE
from inference_rules.checks.container_log_level import CONTAINER_LOG_LEVEL
from inference_rules.checks.fetch_in_isolation import FETCH_IN_ISOLATION
from inference_rules.checks.fixed_config_name import FIXED_CONFIG_NAME
from inference_rules.checks.guardrails_excluded import GUARDRAILS_EXCLUDED
from inference_rules.checks.guardrails_ignored import GUARDRAILS_IGNORED
from inference_rules.checks.guardrails_without_alarm import GUARDRAILS_WITHOUT_ALARM
from inference_rules.checks.hosting_instance_type import HOSTING_INSTANCE_TYPE
from inference_rules.checks.hosting_subnets import HOSTING_SUBNETS
from inference_rules.checks.invocations_per_minute import INVOCATIONS_PER_MINUTE
from inference_rules.checks.kms_on_nvme import KMS_ON_NVME
from inference_rules.checks.model_before_policy import MODEL_BEFORE_POLICY
from inference_rules.checks.model_network_isolation import MODEL_NETWORK_ISOLATION
from inference_rules.checks.program_without_code import PROGRAM_WITHOUT_CODE
from inference_rules.checks.retained_capture import RETAINED_CAPTURE
from inference_rules.checks.role_full_access import ROLE_FULL_ACCESS
from inference_rules.checks.rollback_alarm_fleet import ROLLBACK_ALARM_FLEET
from inference_rules.checks.rollback_permission import ROLLBACK_PERMISSION
from inference_rules.checks.rollout_time import ROLLOUT_TIME
from inference_rules.checks.scaled_count_retained import SCALED_COUNT_RETAINED
from inference_rules.checks.scaling_bounds import SCALING_BOUNDS
from inference_rules.checks.scaling_metric_dimensions import SCALING_METRIC_DIMENSIONS
from inference_rules.checks.scaling_to_zero import SCALING_TO_ZERO
from inference_rules.checks.serverless_model import SERVERLESS_MODEL
from inference_rules.checks.serverless_options import SERVERLESS_OPTIONS
from inference_rules.checks.serverless_size import SERVERLESS_SIZE
from inference_rules.checks.serverless_variants import SERVERLESS_VARIANTS
from inference_rules.checks.shadow_variants import SHADOW_VARIANTS
from inference_rules.checks.silent_topic import SILENT_TOPIC
from inference_rules.checks.state_machine_catch import STATE_MACHINE_CATCH
from inference_rules.checks.t2_autoscaled import T2_AUTOSCALED
from inference_rules.checks.timestamp_in_name import TIMESTAMP_IN_NAME
from inference_rules.checks.weights_zero import WEIGHTS_ZERO
from inference_rules.rule import Rule
from inference_rules.template import Template

RULES: tuple[Rule[Template], ...] = (
    ADMINISTRATOR_STATEMENT,
    ALARM_CPU_CORES,
    ALARM_DIMENSIONS,
    ALARM_ERROR_RATE,
    ALARM_NAMESPACE,
    ALARM_UNITS,
    ALARM_WITHIN_BAKE,
    ALARM_WITHOUT_ACTION,
    ARN_AS_NAME,
    ASYNC_WAKE_UP,
    BATCH_JOB_NAME,
    BATCH_PAYLOAD,
    CANARY_SIZE,
    COMPONENT_ROLE,
    CONTAINER_LOG_LEVEL,
    FETCH_IN_ISOLATION,
    FIXED_CONFIG_NAME,
    GUARDRAILS_EXCLUDED,
    GUARDRAILS_IGNORED,
    GUARDRAILS_WITHOUT_ALARM,
    HOSTING_INSTANCE_TYPE,
    HOSTING_SUBNETS,
    INVOCATIONS_PER_MINUTE,
    KMS_ON_NVME,
    MODEL_BEFORE_POLICY,
    MODEL_NETWORK_ISOLATION,
    PROGRAM_WITHOUT_CODE,
    RETAINED_CAPTURE,
    ROLE_FULL_ACCESS,
    ROLLBACK_ALARM_FLEET,
    ROLLBACK_PERMISSION,
    ROLLOUT_TIME,
    SCALED_COUNT_RETAINED,
    SCALING_BOUNDS,
    SCALING_METRIC_DIMENSIONS,
    SCALING_TO_ZERO,
    SERVERLESS_MODEL,
    SERVERLESS_OPTIONS,
    SERVERLESS_SIZE,
    SERVERLESS_VARIANTS,
    SHADOW_VARIANTS,
    SILENT_TOPIC,
    STATE_MACHINE_CATCH,
    T2_AUTOSCALED,
    TIMESTAMP_IN_NAME,
    WEIGHTS_ZERO,
)
