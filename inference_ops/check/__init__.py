"""`inference check`: requests that prove a model and its code, before and after a deployment."""
