"""What happens to a resource, in SageMaker's terms."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from inference_ops.review.changes import Change, ResourceChange
from inference_rules.alarms import LATENCIES
from inference_rules.containers import containers
from inference_rules.hosting import (
    CONFIG,
    ENDPOINT,
    MODEL,
    OWNED_SCALING,
    SCALABLE_TARGET,
    SCALING_POLICY,
    Endpoint,
    Variant,
    endpoints,
    targets,
    variants,
)
from inference_rules.rollouts import BLUE_GREEN, ROLLING, bake_seconds, traffic_step
from inference_rules.template import Resource, Template, dig, number


def describe(change: Change, entry: ResourceChange) -> list[str]:
    """Say what happens to a resource.

    Args:
        change: The stack's change.
        entry: The resource.

    Returns:
        One line for each thing that a reviewer wants to know; at least one.
    """
    old = change.base.resources.get(entry.logical_id)
    new = change.head.resources.get(entry.logical_id)
    if old is not None and old.type != entry.type:
        # Another type under the same logical id is another resource.
        old = None
    says = _BY_TYPE.get(entry.type)
    lines = list(says(change, old, new)) if says is not None else []
    if not lines and old is not None and new is not None:
        names = [part.name for part in entry.properties if part.follows is None]
        lines = [f"{', '.join(names)} changed"] if names else []
        lines += _followers(change, entry)
    if not lines and new is not None:
        lines = [f"new {entry.type.rpartition('::')[2]}"]
    if entry.action in ("replace", "may replace"):
        may = "replaced" if entry.action == "replace" else "perhaps replaced"
        lines.append(f"{may}, because of {', '.join(entry.causes)}")
    if entry.action == "keep":
        lines.append("stays where it is, outside of the stack")
    return lines or [f"{entry.type.rpartition('::')[2]} is deleted"]


def _followers(change: Change, entry: ResourceChange) -> Iterator[str]:
    for used in dict.fromkeys(part.follows for part in entry.properties):
        if used is not None:
            names = ", ".join(part.name for part in entry.properties if part.follows == used)
            yield f"{names}: of the new {change.head.resources[used].title}"


def _endpoint(change: Change, old: Resource | None, new: Resource | None) -> Iterator[str]:
    if new is None:
        return
    after = _find(change.head, new)
    if old is None:
        for variant in after.variants:
            yield f"new endpoint, variant {variant.name}: {_shape(variant)}"
        return
    before = _find(change.base, old)
    if change.property(new.logical_id, "EndpointConfigName") is not None:
        yield f"moves to a new config, {_rollout(after)}"
        yield from _variants(change, before.variants, after.variants)
    if _rollout(after) != _rollout(before):
        yield f"updates go {_rollout(after)}, instead of {_rollout(before)}"
    if before.retains != after.retains:
        kept = ", ".join(sorted(after.retains)) or "nothing of the variants"
        yield f"an update retains {kept}"


def _config(change: Change, old: Resource | None, new: Resource | None) -> Iterator[str]:
    if new is None:
        return
    if old is None:
        for variant in variants(new):
            yield f"new config, variant {variant.name}: {_shape(variant)}"
        return
    yield from _variants(change, variants(old), variants(new))
    for name in ("DataCaptureConfig", "KmsKeyId", "AsyncInferenceConfig"):
        yield from _presence(name, old.get(name), new.get(name))
    shadows = [len(variants(side, "ShadowProductionVariants")) for side in (old, new)]
    if shadows[0] != shadows[1]:
        yield f"shadow variants: {shadows[0]} → {shadows[1]}"


def _variants(change: Change, old: list[Variant], new: list[Variant]) -> Iterator[str]:
    before, after = ({variant.name: variant for variant in side} for side in (old, new))
    for name, variant in before.items():
        if name not in after:
            yield f"variant {name} goes ({_shape(variant)})"
    for name, variant in after.items():
        if name not in before:
            yield f"variant {name} comes: {_shape(variant)}"
            continue
        parts = [
            f"{label} {_value(before[name].get(*path))} → {_value(variant.get(*path))}"
            for label, path in _VARIANT_PROPERTIES
            if before[name].get(*path) != variant.get(*path)
        ]
        if _model_changes(change, before[name], variant):
            parts.insert(0, "model changes")
        if parts:
            yield f"variant {name}: {', '.join(parts)}"


_VARIANT_PROPERTIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("instance type", ("InstanceType",)),
    ("initial count", ("InitialInstanceCount",)),
    ("weight", ("InitialVariantWeight",)),
    ("memory in MB", ("ServerlessConfig", "MemorySizeInMB")),
    ("concurrency", ("ServerlessConfig", "MaxConcurrency")),
    ("provisioned concurrency", ("ServerlessConfig", "ProvisionedConcurrency")),
)


def _model_changes(change: Change, old: Variant, new: Variant) -> bool:
    names = (old.get("ModelName"), new.get("ModelName"))
    model = change.head.find(MODEL, names[1])
    entry = None if model is None else change.resources.get(model.logical_id)
    return names[0] != names[1] or (entry is not None and entry.action in ("replace", "add"))


def _model(_: Change, old: Resource | None, new: Resource | None) -> Iterator[str]:
    if new is None:
        return
    if old is None:
        yield f"new model in {', '.join(map(_image, _containers(new)))}"
        return
    for before, after in zip(_containers(old), _containers(new), strict=False):
        if before.get("Image") != after.get("Image"):
            yield f"image {_image(before)} → {_image(after)}"
        if before.get("ModelDataUrl") != after.get("ModelDataUrl"):
            tails = [_tail(container) for container in (before, after)]
            moves = "is read from another place" if tails[0] == tails[1] else " → ".join(tails)
            yield f"artifact {moves}"
        environments = [side.get("Environment") for side in (before, after)]
        first, second = (side if isinstance(side, Mapping) else {} for side in environments)
        for name in sorted({*first, *second}):
            if first.get(name) != second.get(name):
                yield f"{name}: {_value(first.get(name))} → {_value(second.get(name))}"
    isolation = [_value(side.get("EnableNetworkIsolation")) for side in (old, new)]
    if isolation[0] != isolation[1]:
        yield f"network isolation {isolation[0]} → {isolation[1]}"


def _alarm(_: Change, old: Resource | None, new: Resource | None) -> Iterator[str]:
    if new is None:
        return
    metric = new.get("MetricName")
    if old is None:
        yield f"new alarm on {metric}, threshold {_threshold(new)}"
        return
    if old.get("Threshold") != new.get("Threshold"):
        yield f"{metric}: threshold {_threshold(old)} → {_threshold(new)}"
    for name in ("EvaluationPeriods", "DatapointsToAlarm", "Period", "Statistic", "AlarmActions"):
        if old.get(name) != new.get(name):
            yield f"{name} {_value(old.get(name))} → {_value(new.get(name))}"


def _scaling(change: Change, old: Resource | None, new: Resource | None) -> Iterator[str]:
    before, after = (
        {target.variant: target for target in targets(side) if target.resource is resource}
        for side, resource in ((change.base, old), (change.head, new))
    )
    for name in sorted({*before, *after}):
        if name not in after:
            yield f"variant {name} scales no more"
        elif name not in before:
            yield f"variant {name} scales {_bounds(after[name].properties)}"
        else:
            first, second = before[name], after[name]
            if _bounds(first.properties) != _bounds(second.properties):
                yield (
                    f"variant {name} scales {_bounds(first.properties)} → "
                    f"{_bounds(second.properties)}"
                )
            for policy, other in zip(first.policies, second.policies, strict=False):
                if second.owned and _target_value(policy) != _target_value(other):
                    yield (
                        f"variant {name}: target value {_target_value(policy)} → "
                        f"{_target_value(other)}"
                    )


def _policy(_: Change, old: Resource | None, new: Resource | None) -> Iterator[str]:
    if old is not None and new is not None:
        values = [_target_value(side.properties) for side in (old, new)]
        if values[0] != values[1]:
            yield f"target value {values[0]} → {values[1]}"


_BY_TYPE: Mapping[str, Callable[[Change, Resource | None, Resource | None], Iterator[str]]] = {
    ENDPOINT: _endpoint,
    CONFIG: _config,
    MODEL: _model,
    "AWS::CloudWatch::Alarm": _alarm,
    SCALABLE_TARGET: _scaling,
    OWNED_SCALING: _scaling,
    SCALING_POLICY: _policy,
}


def _find(template: Template, resource: Resource) -> Endpoint:
    return next(found for found in endpoints(template) if found.resource is resource)


def _rollout(endpoint: Endpoint) -> str:
    if endpoint.resource.get("DeploymentConfig") is None:
        return "all at once, with no alarm watching"
    step = traffic_step(endpoint)
    bake = bake_seconds(endpoint)
    watched = "" if bake is None else f", {bake:g} s of bake"
    if step is not None:
        return f"{'canary' if step.name == 'CanarySize' else 'linear'} {step}{watched}"
    batch = endpoint.resource.get(*ROLLING, "MaximumBatchSize")
    if isinstance(batch, Mapping):
        unit = " %" if batch.get("Type") == "CAPACITY_PERCENT" else " instances"
        return f"rolling {batch.get('Value')}{unit}{watched}"
    return f"all at once{watched}" if endpoint.resource.get(*BLUE_GREEN) else "with alarms"


def _shape(variant: Variant) -> str:
    if variant.serverless:
        memory = variant.get("ServerlessConfig", "MemorySizeInMB")
        most = variant.get("ServerlessConfig", "MaxConcurrency")
        return f"serverless, {memory} MB, {most} at once"
    return f"{variant.get('InitialInstanceCount')} x {variant.get('InstanceType')}"


def _containers(model: Resource) -> list[Mapping[str, Any]]:
    return [container for _, container in containers(model)]


def _image(container: Mapping[str, Any]) -> str:
    return str(container.get("Image", container.get("ModelPackageName"))).rpartition("/")[2]


def _tail(container: Mapping[str, Any]) -> str:
    name = str(container.get("ModelDataUrl")).rpartition("/")[2]
    # A digest is told apart by its beginning.
    return f"{name[:12]}…" if len(name) > 40 else name


def _threshold(alarm: Resource) -> str:
    value = number(alarm.get("Threshold"))
    if value is not None and alarm.get("MetricName") in LATENCIES:
        return f"{value / 1000:g} ms"
    return _value(alarm.get("Threshold"))


def _bounds(properties: Mapping[str, Any]) -> str:
    return f"{properties.get('MinCapacity')}-{properties.get('MaxCapacity')}"


def _target_value(policy: Mapping[str, Any]) -> str:
    return _value(dig(policy, "TargetTrackingScalingPolicyConfiguration", "TargetValue"))


def _presence(name: str, old: Any, new: Any) -> Iterator[str]:
    if old != new:
        how = "comes" if old is None else "goes" if new is None else "changes"
        yield f"{name} {how}"


def _value(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
