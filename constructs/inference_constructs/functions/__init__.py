"""Code of the Lambda functions: a package per feature, standard library and boto3 only."""
