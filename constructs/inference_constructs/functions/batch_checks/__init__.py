"""What a batch workflow checks: requests, jobs, headers, records.

The rules are plain Python, so that the same ones judge the options at synth and a request when it
is executed.
"""
