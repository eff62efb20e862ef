"""The drivers that come with artstore: one module for each kind of place that objects can be referenced in."""
