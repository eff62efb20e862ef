"""What programs import: artifacts, runs and the Api, W&B's objects over a store."""
