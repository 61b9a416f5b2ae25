"""Rules for CloudFormation templates with SageMaker resources, whoever wrote them.

Pure Python: neither CDK nor boto3. The constructs apply them at synth, `inference review` to any
template.
"""

from inference_rules.checks import RULES
from inference_rules.rule import SEVERITIES, Fault, Rule, Severity
from inference_rules.template import Resource, Template

__all__ = ["RULES", "SEVERITIES", "Fault", "Resource", "Rule", "Severity", "Template"]
