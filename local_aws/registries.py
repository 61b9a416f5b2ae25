"""ECR of the local AWS: moto's repositories, and none of another account's."""

from __future__ import annotations

from typing import Any

from local_aws.subsystem import Subsystem


class Registries(Subsystem):
    """Refuses questions about images in registries that are not here."""

    def install(self) -> None:
        """Put a look at the registry before moto's operation, which takes each for its own."""
        from moto.core.exceptions import JsonRESTError
        from moto.ecr.responses import ECRResponse

        stock = ECRResponse.batch_get_image

        def batch_get_image(response: Any) -> Any:
            """BatchGetImage: AWS's own images are in accounts that the local AWS does not have."""
            registry = response._get_param("registryId") or response.current_account
            if registry != response.current_account:
                repository = (
                    f"arn:aws:ecr:{response.region}:{registry}:repository/"
                    f"{response._get_param('repositoryName')}"
                )
                raise JsonRESTError(
                    "AccessDeniedException",
                    f"User: arn:aws:iam::{response.current_account}:root is not authorized to "
                    f"perform: ecr:BatchGetImage on resource: {repository} because no "
                    "resource-based policy allows the ecr:BatchGetImage action",
                )
            return stock(response)

        setattr(ECRResponse, batch_get_image.__name__, batch_get_image)
