"""Keeps the configs and models that an endpoint had before, and lets go of those beyond."""
