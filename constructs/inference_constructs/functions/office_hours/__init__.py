"""Takes an endpoint down and up again.

`steps` does the work of the state machine's tasks, one look at the endpoint at a time; `gate` is
the custom resource that keeps deployments and the hours out of each other's way.
"""
