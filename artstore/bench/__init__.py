"""What this machine and the user's own data would do: how fast checksums are, and what deduplication keeps.

`checksum` measures on files that it makes and removes. `dedup` cuts the data in every way at once (`ways`), as it
streams by from wherever it lies (`sources`); nothing of it is kept but digests, and nothing is written.
"""
