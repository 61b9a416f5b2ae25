"""The CDK app of the delivery: the pipeline that deploys the stages, and roles for GitHub."""

from stacks.application import new_app, plain_errors
from stacks.delivery_app import define_delivery
from stacks.delivery_settings import load_delivery
from stacks.section import ROOT

with plain_errors():
    app = new_app(ROOT / "cdk.out" / "delivery")
    define_delivery(app, load_delivery())
    app.synth()
