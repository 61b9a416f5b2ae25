"""`BatchClaims`: which data is being run, or has been."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct


class BatchClaims(Construct):
    """Defines the table in which a run claims its data, so that nobody else runs it meanwhile.

    An entry is the SHA-256 of the input's keys and ETags, the model and the options; it holds the
    execution, the state and the place of the result, and expires after three months. There is no
    data in it, so that it goes with its stack, and DynamoDB's own key encrypts it: another one
    would have to be granted to every caller.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.TableV2(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
            billing=dynamodb.Billing.on_demand(),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires",
            removal_policy=RemovalPolicy.DESTROY,
        )
