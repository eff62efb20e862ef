"""The verbs of a store: each one decides and runs its own transactions."""
