"""Whether the account's quotas leave room for a deployment, and for its updates."""

from collections import Counter
from collections.abc import Iterator, Sequence

from inference_ops.preflight.account import (
    ENDPOINT_INSTANCES,
    SERVERLESS_CONCURRENCY,
    TRANSFORM_INSTANCES,
    Account,
    endpoint_quota,
    transform_quota,
)
from inference_ops.preflight.demand import (
    Need,
    combined,
    hosting_needs,
    serverless_need,
    total_of,
    transform_needs,
    used_by_all,
)
from inference_ops.preflight.finding import Finding, findings_of
from inference_ops.preflight.subject import Subject
from sagemaker_prices import PriceTable, Usage


def check_quotas(
    account: Account, subjects: Sequence[Subject], prices: PriceTable
) -> Iterator[Finding]:
    """Looks at the quotas for all that is deployed together.

    Args:
        account: where it goes.
        subjects: what is deployed.
        prices: what AWS sells where, for a type that has no quota.
    """
    yield from findings_of("instances of endpoints", lambda: _hosting(account, subjects, prices))
    yield from findings_of("serverless concurrency", lambda: _serverless(account, subjects))
    yield from findings_of("transform jobs", lambda: _transform(account, subjects, prices))


def _hosting(
    account: Account, subjects: Sequence[Subject], prices: PriceTable
) -> Iterator[Finding]:
    needs = combined([hosting_needs(subject) for subject in subjects])
    wanted = {name: need for name, need in needs.items() if need.most or need.now or need.unknown}
    if not wanted:
        return
    used = used_by_all(account.endpoints)
    for instance_type, need in wanted.items():
        if not instance_type:
            yield _late("an instance type of an endpoint")
            continue
        name = endpoint_quota(instance_type)
        yield from _offered(account, instance_type, name, "hosting", prices)
        yield from _judged(account, name, need, used[instance_type])
        if used[""]:
            found = f"{used['']} instances are of endpoints whose config was deleted"
            yield Finding(subject=name, passed=None, found=found)
    yield from _judged(account, ENDPOINT_INSTANCES, total_of(needs), used.total())


def _serverless(account: Account, subjects: Sequence[Subject]) -> Iterator[Finding]:
    found = [need for need in map(serverless_need, subjects) if need is not None]
    if found:
        need = total_of({str(number): each for number, each in enumerate(found)})
        used = sum(endpoint.concurrency for endpoint in account.endpoints.values())
        yield from _judged(account, SERVERLESS_CONCURRENCY, need, used)


def _transform(
    account: Account, subjects: Sequence[Subject], prices: PriceTable
) -> Iterator[Finding]:
    needs = combined([transform_needs(subject) for subject in subjects])
    if not needs:
        return
    used: Counter[str] = account.transform_instances
    for instance_type, need in needs.items():
        if not instance_type:
            yield _late("the instance type of a transform job")
            continue
        name = transform_quota(instance_type)
        yield from _offered(account, instance_type, name, "transform", prices)
        yield from _judged(account, name, need, used[instance_type])
    yield from _judged(account, TRANSFORM_INSTANCES, total_of(needs), used.total())


def _offered(
    account: Account, instance_type: str, quota: str, usage: Usage, prices: PriceTable
) -> Iterator[Finding]:
    """Whether a type can be had in the region, as far as anything of AWS's says so."""
    subject = f"{instance_type} in {account.region}"
    if quota in account.quotas:
        return
    price = prices.find(usage, account.region, instance_type)
    if price is None:
        yield Finding(
            subject=subject,
            passed=None,
            found="neither Service Quotas nor the prices have it here",
            advice="look whether the region offers it, or take a type that has a quota",
        )
    else:
        found = f"has no quota here, and a price ({price.standing})"
        yield Finding(subject=subject, passed=True, found=found)


def _judged(account: Account, name: str, need: Need, used: int) -> Iterator[Finding]:
    quota = account.quotas.get(name)
    if quota is None:
        yield Finding(subject=name, passed=None, found="Service Quotas has no such quota here")
        return
    others = used - need.own
    now, most = used + need.now, others + need.most
    update = most + need.beside
    allowed = f"the quota is {quota.value:g}"
    apart = f"{others} used by others" if need.own else f"{used} in use"
    wanted = max(now, most)
    if now > quota.value:
        own = f", {need.own} by this endpoint" if need.own else ""
        found = f"needs {now} now ({apart}{own}, {need.now} to start): {allowed}"
    elif most > quota.value:
        found = f"needs {most} when scaled out ({apart}, up to {need.most} of its own): {allowed}"
    elif need.unknown:
        yield Finding(
            subject=name,
            passed=None,
            found=f"only a deployment tells {' and '.join(dict.fromkeys(need.unknown))}; {apart}, "
            f"{allowed}",
        )
        return
    elif update > quota.value:
        yield Finding(
            subject=name,
            passed=None,
            found=f"goes now, with {now} of {quota.value:g}; scaled out to {need.most}, an update "
            f"needs {update}",
            advice=_increase(account, quota.code, update),
        )
        return
    else:
        surge = f", {update} during an update" if need.beside else ""
        found = f"{apart}, up to {most} with this{surge}: {allowed}"
        yield Finding(subject=name, passed=True, found=found)
        return
    yield Finding(
        subject=name,
        passed=False,
        found=found,
        advice=_increase(account, quota.code, max(wanted, update)),
    )


def _late(what: str) -> Finding:
    return Finding(subject=what, passed=None, found="only a deployment tells it: give --parameter")


def _increase(account: Account, code: str, value: int) -> str:
    return (
        "aws service-quotas request-service-quota-increase --service-code sagemaker "
        f"--quota-code {code} --desired-value {value} --region {account.region}"
    )
