"""Sessions that AWS services take of roles."""

from __future__ import annotations

from local_aws.cloud import Cloud, Credentials


def assume_for_service(
    cloud: Cloud, role_arn: str, *, service: str, session_name: str
) -> Credentials:
    """A session of ``role_arn`` for the principal ``service``."""
    answer = cloud.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=session_name)
    found = answer["Credentials"]
    return Credentials(
        access_key_id=found["AccessKeyId"],
        secret_access_key=found["SecretAccessKey"],
        session_token=found["SessionToken"],
    )
