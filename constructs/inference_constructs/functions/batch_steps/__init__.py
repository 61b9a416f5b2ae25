"""The functions of a batch workflow: the plan of a run, the report of a job, the end of a run."""
