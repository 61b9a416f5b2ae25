"""`DataBucket`: where batch input and output lie."""

from aws_cdk import CustomResource, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from inference_constructs.acknowledgements import acknowledge
from inference_constructs.encryption import EncryptionKey
from inference_constructs.python_function import PythonFunction
from inference_constructs.s3_prefix import S3Prefix
from inference_constructs.wildcards import acknowledge_wildcard


class DataBucket(Construct):
    """Defines a bucket under a customer-managed key, and the bucket that its access is logged to.

    Both refuse plain HTTP and public access, and keep versions. Replaced versions go after a month,
    access logs after a year.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        encryption: the key.
        removal_policy: what becomes of the buckets when the stack goes; with `DESTROY` they are
            emptied first.
        log_retention: how long the logs of the function that empties them are kept.
        events: whether the bucket tells EventBridge what becomes of its objects.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption: EncryptionKey,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
        events: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self.log_bucket = s3.Bucket(
            self,
            "Logs",
            # S3 delivers access logs to buckets under its own keys only:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            versioned=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=Duration.days(365),
                    noncurrent_version_expiration=Duration.days(1),
                )
            ],
            removal_policy=removal_policy,
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=encryption.key,
            # One data key serves many objects: far fewer calls to KMS for a job of many files.
            bucket_key_enabled=True,
            enforce_ssl=True,
            versioned=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            server_access_logs_bucket=self.log_bucket,
            server_access_logs_prefix="data/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                    noncurrent_version_expiration=Duration.days(30),
                )
            ],
            removal_policy=removal_policy,
        )
        if events:
            # `event_bridge_enabled` would do it by a function, which may change all buckets.
            resource = self.bucket.node.default_child
            assert isinstance(resource, s3.CfnBucket)
            resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                    event_bridge_enabled=True
                )
            )
        for bucket in (self.bucket, self.log_bucket):
            acknowledge(
                bucket,
                "NIST.800.53.R5::NIST.800.53.R5-S3BucketReplicationEnabled",
                "Output can be made anew from its input, whose home is elsewhere; versions guard "
                "against deletion. A copy in another region is a decision on the data's residence",
            )
        acknowledge(
            self.log_bucket,
            "NIST.800.53.R5::NIST.800.53.R5-S3DefaultEncryptionKMS",
            "S3 delivers access logs to buckets under its own keys only; they are encrypted with "
            "those",
        )
        if removal_policy is RemovalPolicy.DESTROY:
            self._empty_before_deletion(encryption, log_retention)

    @property
    def bucket_name(self) -> str:
        """The bucket's name."""
        return self.bucket.bucket_name

    def prefix(self, prefix: str) -> S3Prefix:
        """A part of the bucket.

        Args:
            prefix: how the keys begin, with a final slash.
        """
        return S3Prefix(bucket=self.bucket, prefix=prefix)

    def _empty_before_deletion(
        self, encryption: EncryptionKey, log_retention: logs.RetentionDays
    ) -> None:
        emptier = PythonFunction(
            self,
            "Emptier",
            handler="bucket_emptier.custom_resource.handler",
            description="Empties the data and log buckets when their stack is deleted.",
            encryption=encryption,
            timeout=Duration.minutes(15),
            log_retention=log_retention,
        )
        buckets = [self.bucket, self.log_bucket]
        emptier.role.add_statements(
            # Without its policy the log bucket gets no more logs.
            iam.PolicyStatement(
                actions=["s3:DeleteBucketPolicy"], resources=[self.log_bucket.bucket_arn]
            ),
            iam.PolicyStatement(
                actions=["s3:ListBucketVersions"],
                resources=[bucket.bucket_arn for bucket in buckets],
            ),
            iam.PolicyStatement(
                # A version needs its own action; S3's reference asks for the other one always.
                actions=["s3:DeleteObject", "s3:DeleteObjectVersion"],
                resources=[bucket.arn_for_objects("*") for bucket in buckets],
            ),
        )
        for bucket in buckets:
            acknowledge_wildcard(
                emptier.role,
                bucket.arn_for_objects("*"),
                "Emptying a bucket means all of its objects, of these two buckets only; they are "
                "made to be deleted with their stack",
            )
        emptied = CustomResource(
            self,
            "Emptied",
            resource_type="Custom::EmptiedBuckets",
            service_token=emptier.function.function_arn,
            properties={
                "Buckets": [self.bucket.bucket_name],
                "LogBuckets": [self.log_bucket.bucket_name],
            },
        )
        # Deleted in the reverse order: the buckets are emptied while the role may still do it, and
        # the bucket policies still let the function in.
        emptier.role.ready_before(emptied)
        for bucket in buckets:
            emptied.node.add_dependency(bucket)
