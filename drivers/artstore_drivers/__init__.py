"""The drivers that come with artstore, one module for each kind of place an artifact can refer to."""
