"""The objects that programs import: artifacts, runs and the Api, as W&B has them."""
