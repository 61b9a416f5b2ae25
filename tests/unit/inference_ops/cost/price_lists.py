"""Price lists as AWS publishes them.

The shape of the files and of the API's answers is that of AWS's own documentation ("Reading the
price list files", "GetProducts"). Usage types and attributes are those that public records of
2025 and 2026 name: `USE1-Host:ml.m5.xlarge` with SKU JDZQJFUVUR8SUWHS, `USE1-ServerlessInf:Mem-3GB`
with SKU PUE6HBQ8KFHBUN5T, `Tsform` and `AsyncInf` of the list of eu-west-3, `Lambda-GB-Second` with
SKU TG3M4CAGBA3NYQBH and its tiers. The codes after the SKU are those of all terms on demand.
"""

from typing import Any

_TERM = "JRTCKXETXF"
_RATE = "6YS6EN2CT7"


def record(
    sku: str,
    usage_type: str,
    usd: str,
    unit: str,
    *,
    family: str = "ML Instance",
    region: str = "us-east-1",
    tiers: tuple[tuple[str, str], ...] = (),
    **attributes: str,
) -> dict[str, Any]:
    """A product with its terms, as GetProducts tells it."""
    rates = {
        f"{sku}.{_TERM}.{_RATE if number == 0 else f'RATE{number:05}'}": {
            "unit": unit,
            "beginRange": begins,
            "endRange": "Inf",
            "description": f"${price} per {usage_type}",
            "appliesTo": [],
            "rateCode": f"{sku}.{_TERM}.{_RATE}",
            "pricePerUnit": {"USD": price},
        }
        for number, (begins, price) in enumerate(tiers or (("0", usd),))
    }
    return {
        "product": {
            "productFamily": family,
            "sku": sku,
            "attributes": {
                "servicecode": "AmazonSageMaker",
                "location": "US East (N. Virginia)",
                "locationType": "AWS Region",
                "regionCode": region,
                "usagetype": usage_type,
                **attributes,
            },
        },
        "serviceCode": "AmazonSageMaker",
        "terms": {
            "OnDemand": {
                f"{sku}.{_TERM}": {
                    "priceDimensions": rates,
                    "sku": sku,
                    "effectiveDate": "2026-11-01T00:00:00Z",
                    "offerTermCode": _TERM,
                    "termAttributes": {},
                }
            }
        },
        "version": "20261120025606",
        "publicationDate": "2026-11-20T02:56:06Z",
    }


SAGEMAKER = (
    record(
        "JDZQJFUVUR8SUWHS", "USE1-Host:ml.m5.xlarge", "0.2300000000", "Hrs", component="Hosting"
    ),
    record("SKUASYNC00000001", "USE1-AsyncInf:ml.g6e.2xlarge", "2.8026000000", "Hrs"),
    record("SKUTSFORM0000001", "USE1-Tsform:ml.m5.xlarge", "0.2400000000", "Hrs"),
    record("SKUNOTEBK0000001", "USE1-Notebk:ml.t3.medium", "0.0500000000", "Hrs"),
    record("SKUTRAIN00000001", "USE1-Train:ml.m5.xlarge", "0.2500000000", "Hrs"),
    record(
        "PUE6HBQ8KFHBUN5T",
        "USE1-ServerlessInf:Mem-3GB",
        "0.0000600000",
        "seconds",
        family="ML Serverless",
    ),
    record(
        "SKUPROVIS0000001",
        "USE1-ProvisionedConcurrency:Usage-3GB",
        "0.0000123000",
        "seconds",
        family="ML Serverless",
        group="ServerlessProvisionedConcurrency-Usage",
    ),
    record("SKUVOLUME0000001", "USE1-Host:VolumeUsage.gp2", "0.1400000000", "GB-Mo"),
    record(
        "SKUDATAIN0000001",
        "USE1-Hst:Data-Bytes-In",
        "0.0160000000",
        "GB",
        group="Hosting:IN",
        operation="Invoke-Endpoint",
    ),
    # Data of something else than an endpoint.
    record("SKUDATAIN0000002", "USE1-Data-Bytes-In", "0.9900000000", "GB", group="Other"),
    # Another region's, which an answer of the API may hold by mistake.
    record("SKUELSE000000001", "EU-Host:ml.m5.large", "0.1280000000", "Hrs", region="eu-west-1"),
)

LAMBDA = (
    record("GU2ZS9HVP6QTQ7KE", "Request", "0.0000002000", "Requests", family="Serverless"),
    record(
        "TG3M4CAGBA3NYQBH",
        "Lambda-GB-Second",
        "",
        "Lambda-GB-Second",
        family="Serverless",
        tiers=(
            ("15000000000", "0.0000133334"),
            ("0", "0.0000166667"),
            ("6000000000", "0.0000150000"),
        ),
    ),
    record("SKUEDGE000000001", "Lambda-Edge-Request", "0.0000006000", "Request"),
)

KMS = (
    record("SKUKEYS000000001", "us-east-1-KMS-Keys", "1.0000000000", "Keys"),
    # The free tier comes first, and costs nothing.
    record(
        "SKUREQUEST000001",
        "us-east-1-KMS-Requests",
        "",
        "Requests",
        tiers=(("0", "0.0000000000"), ("20000", "0.0000030000")),
    ),
)


def offer_file(*records: dict[str, Any]) -> dict[str, Any]:
    """A service's file of a region: products and terms stand apart."""
    return {
        "formatVersion": "v1.0",
        "disclaimer": "This pricing list is for informational purposes only.",
        "offerCode": "AmazonSageMaker",
        "version": "20261120025606",
        "publicationDate": "2026-11-20T02:56:06Z",
        "products": {each["product"]["sku"]: each["product"] for each in records},
        "terms": {
            "OnDemand": {each["product"]["sku"]: each["terms"]["OnDemand"] for each in records},
            "Reserved": {},
        },
    }


def region_index(service: str, *regions: str) -> dict[str, Any]:
    """The file that says where the files of the regions are."""
    base = f"/offers/v1.0/aws/{service}/20261120025606"
    return {
        "formatVersion": "v1.0",
        "publicationDate": "2026-11-20T02:56:06Z",
        "regions": {
            region: {
                "regionCode": region,
                "currentVersionUrl": f"{base}/{region}/index.json",
            }
            for region in regions
        },
    }
