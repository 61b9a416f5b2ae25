"""What a batch workflow checks: the request and its input before a job, the output after it.

The rules are plain Python, so that the same ones judge the options at synth and a request when it
is executed.
"""
