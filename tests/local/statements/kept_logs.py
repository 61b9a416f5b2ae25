"""A stack whose log group outlives it, which no stage has."""

from aws_cdk import App, Environment, Stack

from inference_constructs import EncryptionKey
from inference_constructs.log_group_keeper import LogGroupKeeper

app = App(analytics_reporting=False)
stack = Stack(app, "kept", env=Environment(account="123456789012", region="us-east-1"))
keeper = LogGroupKeeper(stack, "Keeper", encryption=EncryptionKey(stack, "Encryption"))
keeper.keep(stack, "Group", name="/aws/sagemaker/Endpoints/kept", retention_days=7)
app.synth()
