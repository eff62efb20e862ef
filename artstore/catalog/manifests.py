"""Manifests in the catalog: groups of segments of entries, each stored once, however many versions contain it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import TypeVar

from artstore.catalog import entries as entry_rows
from artstore.catalog.connection import Connection
from artstore.catalog.entries import SELECT_ENTRIES, PlainFiles, from_rows, split_digests
from artstore.core.digests import Algorithm
from artstore.core.file_columns import split_numbers
from artstore.core.manifest import LARGEST, Entry, Group, Segment, group_digest, manifest_digest, segment_digest
from artstore.errors import Damaged

_TOGETHER = 4
_REMEDY = "run `artstore verify` to see which versions that harms, and `artstore repair` or restore a backup"
_new = tuple.__new__
Part = TypeVar("Part", Group, Segment)


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

    All are read now, and made while they are iterated, a few segments at a time. Raises `Damaged` if they are not those
    of the group's digest.
    """
    read = read_verified_group(connection, group)
    return None if read is None else chain.from_iterable(map(entry_rows.make, repeat(connection), read))


def read_verified_group(connection: Connection, group: Group) -> list[PlainFiles | list[Entry]] | None:
    """Read the entries of a group as `read_group` does. Raises `Damaged` if they are not those of its digest."""
    segments = segments_of(connection, group)
    if not segments:
        return None
    check_group(connection.algorithm, group, [segment for _, segment in segments])
    read = [entry_rows.read(connection, id, id) for id, _ in segments]
    for (_, segment), part in zip(segments, read, strict=True):
        _check_digest(segment, entry_rows.segment_digest_of(connection, part))
    return read


def read_group(connection: Connection, group: Group) -> list[PlainFiles | list[Entry]] | None:
    """Read the entries of a group, but make only those that are not plain files; return None if it was deleted.

    Raises `Damaged` if some are missing.
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


def check_count(connection: Connection, version: int, entries: int) -> None:
    """Raise `Damaged` if a version cannot have so many entries: callers may allocate memory for as many."""
    query = """
        select count(*) from version_groups
        join group_segments on group_segments.segment_group = version_groups.segment_group
        where version_groups.version = ?
    """
    most = LARGEST * connection.execute(query, (version,)).fetchone()[0]
    if not 0 <= entries <= most:
        raise Damaged(f"versions row {version} has {entries} entries, and its segments at most {most}: {_REMEDY}")


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

    Raises `Damaged` if its segment, its group or the list of groups differs from its digest, or if their bounds are
    not those of the entries.
    """
    groups = groups_of(connection, version)
    check_groups(connection, version, groups)
    check_order(groups)
    for group in _near(groups, path):
        segments = _verified_segments(connection, group)
        numbers = {segment: id for id, segment in segments}
        for segment in _near(list(numbers), path):
            entry = _verified_entries(connection, numbers[segment], segment).get(path)
            if entry is not None:
                return entry
    return None


def _near(parts: Sequence[Part], path: str) -> Sequence[Part]:
    """Return the part whose bounds include a path; if none does, those before and after it.

    No digest covers bounds: that a path is not there is believed after the entries beside it were read.
    """
    after = bisect_right(parts, path, key=lambda part: part.first)
    if after and path <= parts[after - 1].last:
        return parts[after - 1 : after]
    return parts[max(after - 1, 0) : after + 1]


def check_order(parts: Sequence[Group] | Sequence[Segment]) -> None:
    """Raise `Damaged` if the bounds of groups, or of segments, do not follow each other."""
    bounds = [bound for part in parts for bound in (part.first, part.last)]
    if bounds != sorted(bounds):
        raise Damaged(f"the bounds of groups or segments, from {bounds[0]!r}, are not in order: {_REMEDY}")


def check_bounds(connection: Connection, group: Group) -> None:
    """Raise `Damaged` if the bounds of a group are not those of its entries."""
    segments = _verified_segments(connection, group)
    for id, segment in {segments[0], segments[-1]}:
        _verified_entries(connection, id, segment)


def _verified_segments(connection: Connection, group: Group) -> list[tuple[int, Segment]]:
    segments: list[tuple[int, Segment]] | None = connection.verified.get(group.digest)
    if segments is None:
        segments = segments_of(connection, group)
        check_group(connection.algorithm, group, [segment for _, segment in segments])
        check_order([segment for _, segment in segments])
        connection.verified.add(group.digest, segments)
    _check_bounds(group, segments[0][1].first, segments[-1][1].last)
    return segments


def _verified_entries(connection: Connection, id: int, segment: Segment) -> dict[str, Entry]:
    entries: dict[str, Entry] | None = connection.verified.get(segment.digest)
    if entries is None:
        read = entries_of_segment(connection, id)
        check_segment(connection.algorithm, segment, read)
        _check_bounds(segment, read[0].path, read[-1].path)
        entries = {entry.path: entry for entry in read}
        connection.verified.add(segment.digest, entries)
    return entries


def _check_bounds(part: Group | Segment, first: str, last: str) -> None:
    if (part.first, part.last) != (first, last):
        table = "segments" if isinstance(part, Segment) else "segment_groups"
        raise Damaged(
            f"the bounds of {table} row {part.digest}, {part.first!r} and {part.last!r}, are not those of its entries: "
            f"{_REMEDY}"
        )


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
    _check_digest(segment, segment_digest(algorithm, entries))


def _check_digest(segment: Segment, actual: str) -> None:
    if actual != segment.digest:
        raise Damaged(
            f"the entries from {segment.first!r} to {segment.last!r}, of segments row {segment.digest}, "
            f"are not those of its digest: {_REMEDY}"
        )
