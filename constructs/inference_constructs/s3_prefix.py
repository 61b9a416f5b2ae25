"""`S3Prefix`: a part of a bucket, and the exact rights to it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Token
from aws_cdk import aws_iam as iam

from inference_constructs.faults import refuse

if TYPE_CHECKING:
    # What makes a bucket has imported it; an endpoint without one does not wait for it.
    from aws_cdk import aws_s3 as s3


@dataclass(frozen=True, kw_only=True)
class S3Prefix:
    """The objects of a bucket whose keys begin alike.

    `Bucket.grant_read` and its like allow `s3:GetObject*` and `s3:List*`, more than a job needs;
    these grants name each action.

    Attributes:
        bucket: the bucket.
        prefix: how the keys begin, with a final slash.
    """

    bucket: "s3.IBucket"
    prefix: str

    def __post_init__(self) -> None:
        """Refuses a prefix that would let neighbours in: `in` also begins `input-of-others/`.

        Raises:
            ValueError: the prefix does not end in a slash, or begins with one.
        """
        prefix = self.prefix
        if not Token.is_unresolved(prefix) and (prefix[-1:] != "/" or prefix[:1] == "/"):
            refuse("S3 prefix", [f"expected a prefix such as 'input/', got {prefix!r}"])

    @property
    def uri(self) -> str:
        """The place as an S3 URI."""
        return self.bucket.s3_url_for_object(self.prefix)

    @property
    def directory_uri(self) -> str:
        """The place as an S3 URI to which a service adds a slash and the rest of the key."""
        return self.uri.removesuffix("/")

    @property
    def objects_arn(self) -> str:
        """The objects' ARN, with a wildcard."""
        return self.bucket.arn_for_objects(f"{self.prefix}*")

    def overlaps(self, other: "S3Prefix") -> bool:
        """Tells whether an object can belong to both.

        Args:
            other: the other place; buckets that are the same under two imports are not noticed.
        """
        if self.bucket.node.path != other.bucket.node.path:
            return False
        return self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix)

    def grant_list(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lets a role see which objects there are.

        Args:
            grantee: who lists.
        """
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["s3:ListBucket"],
            resource_arns=[self.bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": f"{self.prefix}*"}},
        )

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lets a role list and read the objects, and use the bucket's key for it.

        Args:
            grantee: who reads.
        """
        return self.grant_list(grantee).combine(self.grant_get(grantee))

    def grant_get(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lets a role read objects that it knows by name, and use the bucket's key for it.

        Args:
            grantee: who reads.
        """
        return self._grant(grantee, "s3:GetObject", ["kms:Decrypt"])

    def grant_write(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lets a role write objects, also in parts, and use the bucket's key for it.

        Args:
            grantee: who writes.
        """
        # Completing an upload in parts decrypts the parts.
        return self._grant(grantee, "s3:PutObject", ["kms:Decrypt", "kms:GenerateDataKey"])

    def _grant(self, grantee: iam.IGrantable, action: str, key_actions: list[str]) -> iam.Grant:
        grant = iam.Grant.add_to_principal(
            grantee=grantee, actions=[action], resource_arns=[self.objects_arn]
        )
        key = self.bucket.encryption_key
        if key is None:
            return grant
        return grant.combine(
            iam.Grant.add_to_principal(
                grantee=grantee, actions=key_actions, resource_arns=[key.key_arn]
            )
        )
