"""The rule of `latest` in SQL: the newest version that is not deleted, or the newest link that is not removed.

`latest` is never stored. The view `artifact_versions` says the same in `schema`, as a migration that never changes.
"""

from __future__ import annotations


def version_number(collection: str) -> str:
    """Return SQL for the number of the version that is `latest` in a collection, itself given in SQL; null if none."""
    return f"(select max(n.number) from versions as n where n.collection = {collection} and n.state = 'committed')"


def link_number(collection: str) -> str:
    """Return SQL for the number of the link that is `latest` in a collection, itself given in SQL; null if none."""
    return f"(select max(n.number) from links as n where n.collection = {collection} and n.removed_at is null)"
