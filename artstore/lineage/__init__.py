"""The graph of versions and runs, and the formats it is exported to."""
