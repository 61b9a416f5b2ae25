"""AWS on one machine: what `make demo` and the end-to-end tests deploy to.

moto keeps the control planes; this package makes real what moto leaves out: CloudFormation's
engine, model serving, transform jobs, state machines, alarms, scaling and permissions. It knows
AWS's APIs and nothing of this project's constructs. What is real, emulated or missing:
``docs/local-aws.md``.
"""
