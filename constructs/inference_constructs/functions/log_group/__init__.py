"""Keeps log groups for longer than the stack that writes into them."""

# On a log group that goes with a stack: the stack's id.
DELETED_WITH = "inference:deleted-with"
