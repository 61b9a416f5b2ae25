"""`EndpointLogs`: how long an endpoint's logs are kept, and what for."""

from dataclasses import dataclass

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

from inference_constructs.encryption import EncryptionKey
from inference_constructs.faults import refuse

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_DAYS = {
    logs.RetentionDays.ONE_DAY: 1,
    logs.RetentionDays.THREE_DAYS: 3,
    logs.RetentionDays.FIVE_DAYS: 5,
    logs.RetentionDays.ONE_WEEK: 7,
    logs.RetentionDays.TWO_WEEKS: 14,
    logs.RetentionDays.ONE_MONTH: 30,
    logs.RetentionDays.TWO_MONTHS: 60,
    logs.RetentionDays.THREE_MONTHS: 90,
    logs.RetentionDays.FOUR_MONTHS: 120,
    logs.RetentionDays.FIVE_MONTHS: 150,
    logs.RetentionDays.SIX_MONTHS: 180,
    logs.RetentionDays.ONE_YEAR: 365,
    logs.RetentionDays.THIRTEEN_MONTHS: 400,
    logs.RetentionDays.EIGHTEEN_MONTHS: 545,
    logs.RetentionDays.TWO_YEARS: 731,
    logs.RetentionDays.THREE_YEARS: 1096,
    logs.RetentionDays.FIVE_YEARS: 1827,
    logs.RetentionDays.SIX_YEARS: 2192,
    logs.RetentionDays.SEVEN_YEARS: 2557,
    logs.RetentionDays.EIGHT_YEARS: 2922,
    logs.RetentionDays.NINE_YEARS: 3288,
    logs.RetentionDays.TEN_YEARS: 3653,
    logs.RetentionDays.INFINITE: None,
}


@dataclass(frozen=True, kw_only=True)
class EndpointLogs:
    """What becomes of the containers' logs.

    The log groups of an endpoint have fixed names. With `RETAIN` a function makes them and takes
    over those that exist, so that the stack can be deployed, destroyed and deployed again. With
    `DESTROY` they are resources of the stack. A stack that exists takes two deployments from one to
    the other, because CloudFormation deletes a resource in the way that its previous template said:
    one with `RETAIN_ON_UPDATE_OR_DELETE`, a resource that stays, and another one with `RETAIN`.
    `docs/cleanup.md` tells of the way back.

    Attributes:
        retention: how long they are kept.
        removal_policy: what happens to them when the stack goes. Where they stay, the key must.
    """

    retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS
    removal_policy: RemovalPolicy = RemovalPolicy.DESTROY

    def __post_init__(self) -> None:
        """Refuses what log groups do not have.

        Raises:
            ValueError: snapshots.
        """
        if self.removal_policy is RemovalPolicy.SNAPSHOT:
            refuse("endpoint logs", ["there are no snapshots of log groups: use RETAIN"])

    @property
    def retention_days(self) -> int | None:
        """How many days the logs are kept; None for good."""
        return _DAYS[self.retention]

    def faults_under(self, encryption: EncryptionKey | None) -> list[str]:
        """Says why nobody could read the logs that stay.

        Args:
            encryption: the logs' key; None for one that is retained.
        """
        stays = self.removal_policy is not RemovalPolicy.DESTROY
        if encryption is None or not (stays and encryption.goes_with_stack):
            return []
        return [
            "the logs stay when the stack goes, and so must the key that they are encrypted with: "
            "give the EncryptionKey RemovalPolicy.RETAIN "
            "(https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html)"
        ]
