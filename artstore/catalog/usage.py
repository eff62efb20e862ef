"""Bytes of content: which version owns them, which would be freed by deleting, and the totals of the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from artstore.catalog.chunks import HOLDS_CHUNK
from artstore.catalog.connection import Connection
from artstore.storage.packs import HEADER

_HOLDS = HOLDS_CHUNK.format(chunk="candidates.chunk")

# All chunks of a segment group that another version shares are shared, so such groups are left out before chunks
# are looked at one by one.
# Whether another version counts is looked up one by one, from what is shared: a list of all would grow with the store.
_OWN_CHUNKS = """
    with own_groups as (
        select segment_group from version_groups as own where version = :version and not exists (
            select 1 from version_groups cross join versions as other on other.id = version_groups.version
            where version_groups.segment_group = own.segment_group and {counts}
        )
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
        cross join versions as other on other.id = version_groups.version
        where {holds} and {counts}
    )
    {unless_kept}
"""
_EARLIER = "version_groups.version < :version and other.state = 'committed'"
_ANY_OTHER = "version_groups.version <> :version and other.state = 'committed'"
_UNLESS_KEPT = f"""
    and not exists (
        select 1 from file_chunks cross join pending_entries on pending_entries.file = file_chunks.file
        where {_HOLDS}
    )
    and not exists (
        select 1 from file_chunks cross join run_files on run_files.file = file_chunks.file
        where {_HOLDS}
    )
"""


def owned_bytes(connection: Connection, version: int) -> int:
    """Return the bytes of content that no earlier version contains."""
    query = _OWN_CHUNKS.format(counts=_EARLIER, holds=_HOLDS, unless_kept="")
    return int(connection.execute(query, {"version": version}).fetchone()[0])


def reclaimable_bytes(connection: Connection, version: int) -> int:
    """Return the bytes of content that no other version, pending version or run has: deleting this one frees them."""
    query = _OWN_CHUNKS.format(counts=_ANY_OTHER, holds=_HOLDS, unless_kept=_UNLESS_KEPT)
    return int(connection.execute(query, {"version": version}).fetchone()[0])


class Share(NamedTuple):
    """Bytes of content that a version owns, and that deleting it alone would free."""

    owned: int
    reclaimable: int


_SHARE_TABLES = ("asked", "asked_chunks", "containing_files", "segment_spans", "file_spans")
# For each chunk it is enough to know the first and the last version that contains it: the first one owns it, and if
# both are the same version, deleting that frees it. A pending version, and a run that keeps a file, count as versions
# that come after all others: they own nothing that a version has, but keep it.
_SHARES = (
    "create temp table if not exists asked (id integer primary key)",
    "create temp table if not exists asked_chunks (id integer primary key, size integer)",
    "create temp table if not exists containing_files (file integer, chunk integer, primary key (file, chunk))",
    "create temp table if not exists segment_spans (segment integer primary key, first integer, last integer)",
    "create temp table if not exists file_spans (file integer primary key, first integer, last integer)",
    *(f"delete from temp.{name}" for name in _SHARE_TABLES),
)
_FIND_SHARES = (
    """
    insert or ignore into temp.asked_chunks
    select chunks.id, chunks.size from (
        select distinct entries.file as file from (
            select distinct group_segments.segment as segment from temp.asked
            cross join version_groups on version_groups.version = asked.id
            cross join group_segments on group_segments.segment_group = version_groups.segment_group
        ) as own
        cross join entries on entries.segment = own.segment where entries.file is not null
    ) as files
    cross join file_chunks on file_chunks.file = files.file
    cross join chunks on chunks.id between file_chunks.chunk and file_chunks.chunk + file_chunks.count - 1
    """,
    f"""
    insert or ignore into temp.containing_files
    select file_chunks.file, asked_chunks.id from temp.asked_chunks
    cross join file_chunks on {HOLDS_CHUNK.format(chunk="asked_chunks.id")}
    """,
    """
    insert into temp.segment_spans
    select group_segments.segment, min(versions.id), max(versions.id) from (
        select distinct entries.segment as segment from (select distinct file from temp.containing_files) as files
        cross join entries on entries.file = files.file
    ) as containing
    cross join group_segments on group_segments.segment = containing.segment
    cross join version_groups on version_groups.segment_group = group_segments.segment_group
    cross join versions on versions.id = version_groups.version and versions.state = 'committed'
    group by group_segments.segment
    """,
    """
    insert into temp.file_spans
    select file, min(first), max(last) from (
        select files.file, segment_spans.first, segment_spans.last
        from (select distinct file from temp.containing_files) as files
        cross join entries on entries.file = files.file
        cross join segment_spans on segment_spans.segment = entries.segment
        union all
        select files.file, 1 << 62, 1 << 62 from (select distinct file from temp.containing_files) as files
        where exists (select 1 from pending_entries where pending_entries.file = files.file)
            or exists (select 1 from run_files where run_files.file = files.file)
    ) group by file
    """,
)


def shares(connection: Connection, versions: Iterable[int]) -> dict[int, Share]:
    """Return the shares of some versions, by id."""
    wanted = list(versions)
    for statement in _SHARES:
        connection.execute(statement)
    connection.executemany("insert into temp.asked values (?)", [(version,) for version in wanted])
    for statement in _FIND_SHARES:
        connection.execute(statement)
    owned: Counter[int] = Counter()
    reclaimable: Counter[int] = Counter()
    query = """
        select first, last, sum(size) from (
            select asked_chunks.size as size, min(file_spans.first) as first, max(file_spans.last) as last
            from temp.asked_chunks
            join temp.containing_files on containing_files.chunk = asked_chunks.id
            join temp.file_spans on file_spans.file = containing_files.file
            group by asked_chunks.id
        ) group by first, last
    """
    for first, last, size in connection.execute(query):
        owned[first] += size
        if first == last:
            reclaimable[first] += size
    return {version: Share(owned[version], reclaimable[version]) for version in wanted}


def totals(connection: Connection) -> dict[str, int]:
    """Return counts and sums over the whole store, from the running totals of packs and versions."""
    row = connection.execute(
        """
        select
            (select count(*) from versions where state = 'committed'),
            (select coalesce(sum(size), 0) from versions where state = 'committed'),
            (select coalesce(sum(live + saved), 0) from packs),
            (select coalesce(sum(live), 0) from packs),
            (select coalesce(sum(max("end" - live - :header, 0)), 0) from packs),
            (select count(*) from pending where version is null),
            (select coalesce(sum(size), 0) from pending where version is null),
            (select count(*) from run_files),
            (select coalesce(sum(files.size), 0) from run_files join files on files.id = run_files.file)
        """,
        {"header": len(HEADER)},
    ).fetchone()
    names = (
        "versions",
        "version_bytes",
        "content_bytes",
        "stored_bytes",
        "dead_bytes",
        "pending",
        "pending_bytes",
        "run_files",
        "run_bytes",
    )
    return dict(zip(names, row, strict=True))


def reclaimable_together(connection: Connection, versions: set[int]) -> int:
    """Return the bytes of content that no version outside a set, no pending version and no run has."""
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
        {_UNLESS_KEPT}
    """
    return int(connection.execute(query).fetchone()[0])


def reclaimable_pending(connection: Connection, pending: int) -> int:
    """Return the bytes of content that only one pending version contains: dropping it frees them."""
    query = f"""
        select coalesce(sum(size), 0) from (
            select distinct chunks.id as chunk, chunks.size as size from pending_entries
            cross join file_chunks on file_chunks.file = pending_entries.file
            cross join chunks on chunks.id between file_chunks.chunk and file_chunks.chunk + file_chunks.count - 1
            where pending_entries.pending = :pending
        ) as candidates
        where not exists (
            select 1 from file_chunks where {_HOLDS} and (
                exists (select 1 from entries where entries.file = file_chunks.file)
                or exists (select 1 from run_files where run_files.file = file_chunks.file)
                or exists (
                    select 1 from pending_entries
                    where pending_entries.file = file_chunks.file and pending_entries.pending <> :pending
                )
            )
        )
    """
    return int(connection.execute(query, {"pending": pending}).fetchone()[0])
