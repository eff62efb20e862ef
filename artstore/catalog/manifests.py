"""Manifests in the catalog: groups of segments of entries, each stored once, however many versions contain it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat

from artstore.catalog import entries as entry_rows
from artstore.catalog.connection import Connection
from artstore.catalog.entries import SELECT_ENTRIES, from_rows, split_digests, split_numbers
from artstore.core.manifest import Entry, Group, Segment
from artstore.errors import Damaged

_TOGETHER = 4
_new = tuple.__new__


def groups_of(connection: Connection, version: int) -> list[Group]:
    """Return the groups of a version in order."""
    query = """
        select g.digest, g.first, g.last, g.segments, g.entries, g.size
        from version_groups join segment_groups as g on g.id = version_groups.segment_group
        where version_groups.version = ? order by version_groups.position
    """
    return [Group(connection.algorithm.text(row[0]), *row[1:]) for row in connection.execute(query, (version,))]


def segments_of(connection: Connection, group: Group) -> list[tuple[int, Segment]]:
    """Return the segments of a group in order, each as (id, segment)."""
    query = """
        select group_concat(s.id), cast(group_concat(s.digest, '') as blob), group_concat(s.first, :nul),
            group_concat(s.last, :nul), group_concat(s.entries), group_concat(s.size)
        from segment_groups as g join group_segments on group_segments.segment_group = g.id
        join segments as s on s.id = group_segments.segment
        where g.digest = :digest
    """
    row = connection.execute(query, {"digest": connection.algorithm.parse(group.digest), "nul": "\0"}).fetchone()
    if row[0] is None:
        return []
    ids, digests, firsts, lasts, entries, sizes = row
    firsts = firsts.split("\0")
    fields = zip(
        split_digests(connection, digests),
        firsts,
        lasts.split("\0"),
        split_numbers(entries),
        split_numbers(sizes),
        strict=True,
    )
    segments = zip(split_numbers(ids), map(_new, repeat(Segment), fields), strict=True)
    # SQL does not promise the order of an aggregate.
    return list(segments) if firsts == sorted(firsts) else sorted(segments, key=lambda numbered: numbered[1].first)


def entries_of_segment(connection: Connection, segment: int) -> list[Entry]:
    """Return the entries of the segment with an id, in order."""
    return entry_rows.make(connection, entry_rows.read(connection, segment, segment))


def entries_of_group(connection: Connection, group: Group) -> Iterator[Entry] | None:
    """Yield the entries of a group in order; return None if the group was deleted.

    All are read now, and made while they are iterated, a few segments at a time. Raises `Damaged` if some are missing.
    """
    query = """
        select group_segments.segment from segment_groups as g
        join group_segments on group_segments.segment_group = g.id where g.digest = ? order by group_segments.position
    """
    segments = connection.execute(query, (connection.algorithm.parse(group.digest),)).fetchall()
    if not segments:
        return None
    read = [entry_rows.read(connection, *run) for run in _runs([id for (id,) in segments])]
    if sum(len(part if isinstance(part, list) else part.paths) for part in read) != group.entries:
        raise Damaged(
            f"the catalog has lost entries from {group.first!r} to {group.last!r}: run `artstore verify`, "
            "and restore the catalog from a backup"
        )
    return chain.from_iterable(map(entry_rows.make, repeat(connection), read))


def _runs(ids: list[int]) -> Iterator[tuple[int, int]]:
    """Fold ids into short runs (first, last) of consecutive ids: together they should fit a processor's cache."""
    first = last = ids[0]
    for id in ids[1:]:
        if id != last + 1 or id - first == _TOGETHER:
            yield first, last
            first = id
        last = id
    yield first, last


def has_below(connection: Connection, version: int, folder: str) -> bool:
    """Whether a version has an entry below a folder."""
    first, last = folder + "/", folder + "0"
    query = """
        select 1 from version_groups
        cross join segment_groups as g on g.id = version_groups.segment_group and g.last > :first and g.first < :last
        cross join group_segments on group_segments.segment_group = g.id
        cross join segments as s on s.id = group_segments.segment and s.last > :first and s.first < :last
        cross join entries on entries.segment = s.id and entries.path > :first and entries.path < :last
        where version_groups.version = :version limit 1
    """
    row = connection.execute(query, {"version": version, "first": first, "last": last}).fetchone()
    return row is not None


def find(connection: Connection, version: int, path: str) -> Entry | None:
    """Return the entry of a version at a path; None if there is none."""
    query = f"""{SELECT_ENTRIES} where entries.segment = (
            select s.id from version_groups
            join segment_groups as g on g.id = version_groups.segment_group
            join group_segments on group_segments.segment_group = g.id
            join segments as s on s.id = group_segments.segment
            where version_groups.version = ? and ? between g.first and g.last and ? between s.first and s.last
        ) and entries.path = ?"""
    entries = from_rows(connection, connection.execute(query, (version, path, path, path)))
    return entries[0] if entries else None
