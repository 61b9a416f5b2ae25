"""The Distributed Map state: children that are executions of their own, over objects in S3.

A definition's distributed fields are taken out of what moto parses (`definition`), items are read
(`reader`), a `map_run` runs a `child` for each of them or for each batch, and their results are
written (`writer`).

See https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html.
"""
