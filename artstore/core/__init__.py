"""Plain data and pure rules of artifacts: no files, no SQL, no network."""
