"""What programs import: artifacts, runs and the Api, which are W&B's objects over a store."""
