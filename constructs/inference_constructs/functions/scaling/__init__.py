"""The one owner of an endpoint's scalable targets, their policies, schedules and alarms."""
