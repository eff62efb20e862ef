"""Callbacks with which other libraries log to a run, under W&B's names: `wandb.integration.xgboost` and others.

A module whose classes are derived from classes of a library imports that library.
"""
