"""The guardrails of an endpoint's last deployment, for another config.

Alarms that watch the fleet of one config say nothing about another's, and one that the present
fleet has set off would stop its own repair. So the new fleet gets alarms of its own, alike but for
the config, and for the time of the rollback only.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_DIMENSION = "EndpointConfigName"
# What DescribeAlarms tells and PutMetricAlarm does not take.
_STATE = (
    "AlarmArn",
    "AlarmConfigurationUpdatedTimestamp",
    "StateReason",
    "StateReasonData",
    "StateTransitionedTimestamp",
    "StateUpdatedTimestamp",
    "StateValue",
    "EvaluationState",
)
_LONGEST_NAME = 255


class Guardrails:
    """Makes the deployment config of a rollback.

    Args:
        cloudwatch: a boto3 client.
        tell: takes a sentence on each alarm that is left out.
    """

    def __init__(self, cloudwatch: Any, tell: Callable[[str], None]) -> None:
        self._cloudwatch = cloudwatch
        self._tell = tell
        self._made: list[str] = []

    @contextmanager
    def for_config(
        self, last: dict[str, Any], *, live: str, deployed: str, target: str
    ) -> Iterator[dict[str, Any]]:
        """The last deployment config, with alarms on the fleet of another config.

        The alarms that were made for it are deleted at the end of the block.

        Args:
            last: `LastDeploymentConfig` of the endpoint.
            live: the endpoint's config.
            deployed: the config that the stack deployed last, whose alarms exist.
            target: the config to go to.
        """
        given = [alarm["AlarmName"] for alarm in _alarms(last)]
        found = [self._alarm_for(name, live, deployed, target) for name in given]
        names = [name for name in found if name is not None]
        config = {key: value for key, value in last.items() if key != "AutoRollbackConfiguration"}
        if names:
            config["AutoRollbackConfiguration"] = {
                "Alarms": [{"AlarmName": name} for name in dict.fromkeys(names)]
            }
        try:
            yield config
        except KeyboardInterrupt:
            # SageMaker goes on with the update, and takes it back if it misses an alarm.
            raise
        except BaseException:
            self._delete_made()
            raise
        self._delete_made()

    @property
    def made(self) -> list[str]:
        """The alarms that were made and are not deleted yet."""
        return list(self._made)

    def _delete_made(self) -> None:
        if self._made:
            self._cloudwatch.delete_alarms(AlarmNames=self._made)
            self._made = []

    def _alarm_for(self, name: str, live: str, deployed: str, target: str) -> str | None:
        # The live config's alarms are gone if it is live because of a rollback.
        alarm = self._find(name) or self._find(name.replace(live, deployed))
        if alarm is None:
            self._tell(f"the alarm {name} does not exist: nothing takes the rollback back by it")
            return None
        watched = _config_of(alarm)
        if watched is None or watched == target:
            return self._usable(alarm)
        wanted = _renamed(alarm["AlarmName"], watched, target)
        existing = self._find(wanted)
        if existing is not None and target == deployed:
            return self._usable(existing)
        # An earlier rollback may have been interrupted, and an alarm that is put keeps its state.
        self._cloudwatch.delete_alarms(AlarmNames=[wanted])
        kept = {key: value for key, value in alarm.items() if key not in _STATE}
        dimensions = [
            {"Name": d["Name"], "Value": target if d["Name"] == _DIMENSION else d["Value"]}
            for d in alarm["Dimensions"]
        ]
        self._cloudwatch.put_metric_alarm(**kept | {"AlarmName": wanted, "Dimensions": dimensions})
        self._made.append(wanted)
        return wanted

    def _usable(self, alarm: dict[str, Any]) -> str | None:
        if alarm["StateValue"] != "ALARM":
            return str(alarm["AlarmName"])
        self._tell(
            f"the alarm {alarm['AlarmName']} is in ALARM already and would stop the rollback at "
            "once: it is left out"
        )
        return None

    def _find(self, name: str) -> dict[str, Any] | None:
        kinds = ("MetricAlarms", "CompositeAlarms")
        found = self._cloudwatch.describe_alarms(
            AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        return next((alarm for kind in kinds for alarm in found.get(kind, ())), None)


def _alarms(config: dict[str, Any]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    return found


def _config_of(alarm: dict[str, Any]) -> str | None:
    """The config whose fleet an alarm watches; None if it watches something else."""
    values = (d["Value"] for d in alarm.get("Dimensions", ()) if d["Name"] == _DIMENSION)
    return next(values, None)


def _renamed(name: str, old: str, new: str) -> str:
    changed = name.replace(old, new) if old in name else f"{name}-{new}"
    return changed[-_LONGEST_NAME:]
