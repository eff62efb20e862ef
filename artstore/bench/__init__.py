"""Measure checksums on this machine, and deduplication of the user's own data.

`checksum` measures on files that it creates and removes. `dedup` reads data from anywhere (`sources`) once and passes
it to all storage strategies (`strategies`); it keeps digests only and writes nothing.
"""
