"""What content costs: who owns it, what deleting would free, and what there is in all. Bytes of content throughout."""

from __future__ import annotations

import sqlite3

from artstore.catalog.content import HOLDS
from artstore.packs import HEADER

_HOLDS = HOLDS.format(chunk="candidates.chunk")

# A segment group that another version shares settles all its chunks at once, so those are left out before
# anything is asked chunk by chunk.
_OWN_CHUNKS = """
    with others as (select id from versions where state = 'committed' and id <> :version and {which}),
    own_groups as (
        select segment_group from version_groups where version = :version
        except
        select segment_group from version_groups where version in (select id from others)
    ),
    own_segments as (
        select distinct segment from group_segments where segment_group in (select segment_group from own_groups)
    ),
    candidates as (
        select distinct chunks.id as chunk, chunks.size as size from own_segments
        cross join entries on entries.segment = own_segments.segment
        cross join file_chunks on file_chunks.file = entries.file
        cross join chunks on chunks.id between file_chunks.chunk and file_chunks.chunk + file_chunks.count - 1
    )
    select coalesce(sum(size), 0) from candidates
    where not exists (
        select 1 from file_chunks
        cross join entries on entries.file = file_chunks.file
        cross join group_segments on group_segments.segment = entries.segment
        cross join version_groups on version_groups.segment_group = group_segments.segment_group
        where {holds} and version_groups.version in (select id from others)
    )
"""


def owned_bytes(connection: sqlite3.Connection, version: int) -> int:
    """The content that no earlier living version holds."""
    query = _OWN_CHUNKS.format(which="id < :version", holds=_HOLDS)
    return int(connection.execute(query, {"version": version}).fetchone()[0])


def reclaimable_bytes(connection: sqlite3.Connection, version: int) -> int:
    """The content that no other living version holds: what deleting this one alone would free."""
    query = _OWN_CHUNKS.format(which="true", holds=_HOLDS)
    return int(connection.execute(query, {"version": version}).fetchone()[0])


def totals(connection: sqlite3.Connection) -> dict[str, int]:
    """Counts and sums over the whole store, from what packs and versions know of themselves."""
    row = connection.execute(
        """
        select
            (select count(*) from versions where state = 'committed'),
            (select coalesce(sum(size), 0) from versions where state = 'committed'),
            (select coalesce(sum(live), 0) from packs),
            (select coalesce(sum(max("end" - live - :header, 0)), 0) from packs)
        """,
        {"header": len(HEADER)},
    ).fetchone()
    return dict(zip(("versions", "version_bytes", "live_bytes", "dead_bytes"), row, strict=True))


def reclaimable_together(connection: sqlite3.Connection, versions: set[int]) -> int:
    """The content that no living version outside a set holds: what deleting the set would free."""
    connection.execute("create temp table if not exists going (id integer primary key)")
    connection.execute("delete from temp.going")
    connection.executemany("insert into temp.going values (?)", [(version,) for version in versions])
    query = f"""
        select coalesce(sum(size), 0) from (
            select distinct chunks.id as chunk, chunks.size as size
            from version_groups
            cross join group_segments on group_segments.segment_group = version_groups.segment_group
            cross join entries on entries.segment = group_segments.segment
            cross join file_chunks on file_chunks.file = entries.file
            cross join chunks on chunks.id between file_chunks.chunk and file_chunks.chunk + file_chunks.count - 1
            where version_groups.version in (select id from temp.going)
        ) as candidates
        where not exists (
            select 1 from file_chunks
            cross join entries on entries.file = file_chunks.file
            cross join group_segments on group_segments.segment = entries.segment
            cross join version_groups on version_groups.segment_group = group_segments.segment_group
            cross join versions on versions.id = version_groups.version and versions.state = 'committed'
            where {_HOLDS} and versions.id not in (select id from temp.going)
        )
    """
    return int(connection.execute(query).fetchone()[0])
