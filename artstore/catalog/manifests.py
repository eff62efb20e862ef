"""Manifests in the catalog: groups of segments of entries, each stored once, however many versions contain it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat

from artstore.catalog import entries as entry_rows
from artstore.catalog.connection import Connection
from artstore.catalog.entries import SELECT_ENTRIES, PlainFiles, from_rows, split_digests
from artstore.core.digests import Algorithm
from artstore.core.file_columns import split_numbers
from artstore.core.manifest import Entry, Group, Segment, group_digest, manifest_digest, segment_digest
from artstore.errors import Damaged

_TOGETHER = 4
_REMEDY = "run `artstore verify` to see which versions that harms, and `artstore repair` or restore a backup"
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
    read = read_group(connection, group)
    return None if read is None else chain.from_iterable(map(entry_rows.make, repeat(connection), read))


def read_group(connection: Connection, group: Group) -> list[PlainFiles | list[Entry]] | None:
    """Read the entries of a group as `entries_of_group` does, but make only those that are not plain files."""
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
    return read


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


def find_verified(connection: Connection, version: int, path: str) -> Entry | None:
    """Return the entry of a version at a path, as `find` does, after checking it by the digests above it.

    Raises `Damaged` if its segment, its group or the list of groups differs from its digest.
    """
    groups = groups_of(connection, version)
    check_groups(connection, version, groups)
    group = next((group for group in groups if group.first <= path <= group.last), None)
    if group is None:
        return None
    verified = connection.verified
    segments = verified.get(group.digest)
    if segments is None:
        segments = segments_of(connection, group)
        check_group(connection.algorithm, group, [segment for _, segment in segments])
        verified.add(group.digest, segments)
    numbered = next((pair for pair in segments if pair[1].first <= path <= pair[1].last), None)
    if numbered is None:
        return None
    entries: dict[str, Entry] | None = verified.get(numbered[1].digest)
    if entries is None:
        read = entries_of_segment(connection, numbered[0])
        check_segment(connection.algorithm, numbered[1], read)
        entries = {entry.path: entry for entry in read}
        verified.add(numbered[1].digest, entries)
    return entries.get(path)


def check_groups(connection: Connection, version: int, groups: list[Group]) -> None:
    """Raise `Damaged` if the groups of a version are not those of its manifest's digest."""
    row = connection.execute("select manifest from versions where id = ? and state = 'committed'", (version,))
    expected = row.fetchone()
    actual = manifest_digest(connection.algorithm, [group.digest for group in groups])
    if expected is not None and connection.algorithm.parse(actual) != expected[0]:
        raise Damaged(f"the groups of versions row {version} are not those of its manifest: {_REMEDY}")


def check_group(algorithm: Algorithm, group: Group, segments: list[Segment]) -> None:
    """Raise `Damaged` if the segments of a group are not those of its digest."""
    if group_digest(algorithm, [segment.digest for segment in segments]) != group.digest:
        raise Damaged(f"the segments of segment_groups row {group.digest} are not those of its digest: {_REMEDY}")


def check_segment(algorithm: Algorithm, segment: Segment, entries: list[Entry]) -> None:
    """Raise `Damaged` if the entries of a segment are not those of its digest."""
    if segment_digest(algorithm, entries) != segment.digest:
        raise Damaged(
            f"the entries from {segment.first!r} to {segment.last!r}, of segments row {segment.digest}, "
            f"are not those of its digest: {_REMEDY}"
        )
