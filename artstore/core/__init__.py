"""Plain data and pure rules of artifacts: no catalog, no packs, no network."""
