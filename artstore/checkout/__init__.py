"""The way out: the entries of a version become files in a folder."""
