"""Service Quotas' operations: list, get, raise."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.servicequotas.responses import ServiceQuotasResponse

from local_aws.quotas.registry import GENEROUS, QUOTAS, Quota, sagemaker_quotas

_SERVICE, _SERVICE_NAME = "sagemaker", "Amazon SageMaker"
_LARGEST_PAGE = 100


class Operations(ServiceQuotasResponse):
    """One method for each operation; the quotas of other services are moto's."""

    def list_service_quotas(self) -> str:
        """ListServiceQuotas: those with a value of this account's own."""
        quotas = [quota for quota in _quotas(self) if QUOTAS.applied(quota.name)]
        return _page(self, [_shown(self, quota, QUOTAS[quota.name]) for quota in quotas])

    def list_aws_default_service_quotas(self) -> str:
        """ListAWSDefaultServiceQuotas: all, with their default values."""
        service = str(_parameters(self).get("ServiceCode"))
        if service != _SERVICE:
            return json.dumps({"Quotas": self.backend.list_aws_default_service_quotas(service)})
        return _page(self, [_shown(self, quota, GENEROUS) for quota in _quotas(self)])

    def get_service_quota(self) -> str:
        """GetServiceQuota: the value that counts."""
        given = _parameters(self)
        service = str(given.get("ServiceCode"))
        if service != _SERVICE:
            stock = self.backend.get_service_quota(service, str(given.get("QuotaCode")))
            return json.dumps({"Quota": stock})
        quota = _named(self)
        return json.dumps({"Quota": _shown(self, quota, QUOTAS[quota.name])})

    def get_aws_default_service_quota(self) -> str:
        """GetAWSDefaultServiceQuota."""
        return json.dumps({"Quota": _shown(self, _named(self), GENEROUS)})

    def request_service_quota_increase(self) -> str:
        """RequestServiceQuotaIncrease: granted at once, where AWS takes minutes to days."""
        quota, wanted = _named(self), float(_parameters(self)["DesiredValue"])
        if wanted <= QUOTAS[quota.name]:
            raise JsonRESTError(
                "IllegalArgumentException",
                "You must provide a quota value greater than the current quota value.",
            )
        QUOTAS.set(quota.name, wanted)
        now = datetime.now(UTC).timestamp()
        shown = _shown(self, quota, wanted)
        kept = ("ServiceCode", "ServiceName", "QuotaCode", "QuotaName", "QuotaArn", "Unit")
        request = {name: shown[name] for name in kept} | {
            "Id": uuid.uuid4().hex,
            "DesiredValue": wanted,
            "Status": "APPROVED",
            "Created": now,
            "LastUpdated": now,
            "GlobalQuota": False,
        }
        return json.dumps({"RequestedQuota": request})


def _parameters(response: ServiceQuotasResponse) -> Mapping[str, Any]:
    given: dict[str, Any] = json.loads(response.body or "{}")
    return given


def _quotas(response: ServiceQuotasResponse) -> Iterable[Quota]:
    if _parameters(response).get("ServiceCode") != _SERVICE:
        raise _missing()
    return sagemaker_quotas().values()


def _named(response: ServiceQuotasResponse) -> Quota:
    given = _parameters(response)
    quota = sagemaker_quotas().get(given.get("QuotaCode", ""))
    if given.get("ServiceCode") != _SERVICE or quota is None:
        raise _missing()
    return quota


def _missing() -> JsonRESTError:
    return JsonRESTError(
        "NoSuchResourceException", "The request failed because the specified quota does not exist."
    )


def _shown(response: ServiceQuotasResponse, quota: Quota, value: float) -> dict[str, Any]:
    return {
        "ServiceCode": _SERVICE,
        "ServiceName": _SERVICE_NAME,
        "QuotaArn": f"arn:aws:servicequotas:{response.region}:{response.current_account}:"
        f"{_SERVICE}/{quota.code}",
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": float(value),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
        "QuotaAppliedAtLevel": "ACCOUNT",
    }


def _page(response: ServiceQuotasResponse, quotas: list[dict[str, Any]]) -> str:
    given = _parameters(response)
    start = int(given.get("NextToken") or 0)
    end = start + min(int(given.get("MaxResults") or _LARGEST_PAGE), _LARGEST_PAGE)
    answer: dict[str, Any] = {"Quotas": quotas[start:end]}
    if end < len(quotas):
        answer["NextToken"] = str(end)
    return json.dumps(answer)
