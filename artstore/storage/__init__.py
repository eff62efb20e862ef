"""Bytes in packs: how files are cut into chunks, encoded, written and locked."""
