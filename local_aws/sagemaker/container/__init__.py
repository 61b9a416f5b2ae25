"""A SageMaker inference container without docker: the contract of sagemaker-xgboost's script mode.

The real image runs nginx, gunicorn and Flask. Here `front` stands for nginx and gunicorn's master,
and each `worker` process is a gunicorn worker that runs the same kind of Flask application.
Started as ``python -m local_aws.sagemaker.container``; ``SAGEMAKER_BASE_DIR`` takes the place of
``/opt/ml``.
"""
