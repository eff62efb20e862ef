"""Edit the manifest of a version: cut it again where entries change, and store the segments and groups that are new."""

from __future__ import annotations

import json
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from artstore.catalog import entries as entry_rows
from artstore.catalog import manifests
from artstore.catalog.connection import Connection
from artstore.catalog.file_ids import FileIds
from artstore.core import file_entries
from artstore.core.changes import Changes
from artstore.core.digests import Algorithm
from artstore.core.file_entries import FileEntries
from artstore.core.manifest import Entry, Group, Kind, ManifestBuilder, Segment, sort_by_path

_FEW = 16
_FILES_REMEMBERED = 262_144
_ID_LENGTH = 19
"""The number of digits of the largest integer in SQLite."""
_fixed = f"%{_ID_LENGTH}d".encode().__mod__
_json = json.JSONEncoder(ensure_ascii=False).encode
Part = TypeVar("Part", Group, Segment)


class EditBuilder(ManifestBuilder):
    """A builder that keeps the ids of what it took from the base, by digest, so that they need not be looked up."""

    def __init__(self, algorithm: Algorithm, *, held: int = sys.maxsize) -> None:
        super().__init__(algorithm, held=held)
        self.segments: dict[str, int] = {}
        self.origins: dict[str, tuple[int, Sequence[str]]] = {}
        """For new segments that differ from a segment of the base in a few paths: its id, and these paths."""
        self.files: dict[str, int] = {}
        """The ids of stored files, up to a limit."""
        self.file_segments: list[tuple[Segment, FileEntries]] = []
        """New segments that were cut as columns."""


def cut(algorithm: Algorithm, files: FileEntries) -> EditBuilder:
    """Cut the manifest that consists of these entries, which come in order; `finish` the builder that is returned."""
    builder = EditBuilder(algorithm)
    builder.file_segments += file_entries.segments(algorithm, files)
    builder.keep_segments(segment for segment, _ in builder.file_segments)
    return builder


def edit(connection: Connection, base: int | None, changes: Changes) -> EditBuilder:
    """Apply changes to the manifest of a base version, or to an empty one; `finish` the builder that is returned.

    Only the parts of the base that the changes touch are read.
    """
    # As many entries as changes are held in memory: about 25,000, or all if the changes are in memory anyway.
    builder = EditBuilder(connection.algorithm, held=200) if changes.on_disk else EditBuilder(connection.algorithm)
    groups = manifests.groups_of(connection, base) if base is not None else []
    if base is not None:
        manifests.check_groups(connection, base, groups)
    paths = list(changes) if groups else []
    start = 0
    for group, following in _with_next_first(groups):
        end = bisect_left(paths, following) if following is not None else len(paths)
        mine, start = paths[start:end], end
        if builder.at_group_cut and not mine:
            builder.keep_group(group)
        else:
            rows = manifests.segments_of(connection, group)
            # What was damaged must not become the content of a new version.
            manifests.check_group(connection.algorithm, group, [segment for _, segment in rows])
            _edit_group(connection, builder, rows, mine, changes)
    if not groups:
        builder.add(changes.added())
    return builder


def _edit_group(
    connection: Connection,
    builder: EditBuilder,
    rows: list[tuple[int, Segment]],
    paths: Sequence[str],
    changes: Changes,
) -> None:
    """Add the segments of a group of the base, with the changes at some paths."""
    builder.segments.update({segment.digest: id for id, segment in rows})
    segments = [segment for _, segment in rows]
    firsts = [segment.first for segment in segments]
    start = done = 0
    while done < len(segments):
        if builder.at_segment_cut:
            # The segment that the next change falls into: the first one, for a path before all segments.
            touched = max(bisect_right(firsts, paths[start]) - 1, done) if start < len(paths) else len(segments)
            _keep(builder, segments, done, touched)
            if touched == len(segments):
                return
            done = touched
        segment, done = segments[done], done + 1
        end = bisect_left(paths, firsts[done]) if done < len(segments) else len(paths)
        mine, start = paths[start:end], end
        _edit_segment(connection, builder, segment, mine, changes)


def _edit_segment(
    connection: Connection, builder: EditBuilder, segment: Segment, paths: Sequence[str], changes: Changes
) -> None:
    """Add the entries of a segment of the base, with the changes at some paths."""
    id = builder.segments[segment.digest]
    entries = manifests.entries_of_segment(connection, id)
    manifests.check_segment(connection.algorithm, segment, entries)
    edited: dict[str, Entry | None] = {entry.path: entry for entry in entries}
    edited |= {path: changes[path] for path in paths}
    kept = [entry for entry in edited.values() if entry is not None]
    at_cut, before = builder.at_segment_cut, len(builder.new_segments)
    if at_cut and len(kept) == len(edited) == len(entries):
        builder.add_uncut(kept[:-1])
        builder.add(kept[-1:])
    else:
        builder.add(sort_by_path(kept))
    is_one_segment = at_cut and builder.at_segment_cut and len(builder.new_segments) == before + 1
    if is_one_segment and len(paths) <= _FEW:
        builder.origins[builder.new_segments[-1][0].digest] = id, paths
    else:
        _remember_files(connection, builder, id, entries)


def _keep(builder: ManifestBuilder, group: Sequence[Segment], start: int, end: int) -> None:
    """Keep the segments from `start` to `end` of a group of the base."""
    uncut = min(end, len(group) - 1) if builder.since_group_cut == start else start
    builder.keep_uncut(group[start:uncut])
    builder.keep_segments(group[uncut:end])


def _remember_files(connection: Connection, builder: EditBuilder, segment: int, entries: Iterable[Entry]) -> None:
    if len(builder.files) < _FILES_REMEMBERED:
        ids = connection.execute("select file from entries where segment = ? order by path", (segment,))
        builder.files.update({entry.digest or "": file for entry, (file,) in zip(entries, ids, strict=True) if file})


def _with_next_first(parts: Sequence[Part]) -> Iterator[tuple[Part, str | None]]:
    for i, part in enumerate(parts):
        yield part, parts[i + 1].first if i + 1 < len(parts) else None


def store(connection: Connection, builder: EditBuilder, files: FileIds) -> list[int]:
    """Store the new segments and groups of a finished builder; return the ids of all its groups in order.

    `files` are known ids of stored files; others are looked up.
    """
    for segment, part in builder.file_segments:
        _store_file_segment(connection, builder, segment, part, files)
    for segment, entries in builder.new_segments:
        _store_segment(connection, builder, segment, entries, files)
    for group, segments in builder.new_groups:
        _store_group(connection, builder, group, segments)
    query = "select id from segment_groups where digest = ?"
    parse = connection.algorithm.parse
    return [connection.execute(query, (parse(group.digest),)).fetchone()[0] for group in builder.groups]


def _store_file_segment(
    connection: Connection,
    builder: EditBuilder,
    segment: Segment,
    part: FileEntries,
    files: FileIds,
) -> None:
    id = _insert_segment(connection, builder, segment)
    if id is None:
        return
    ids = files.find(connection, part.digests)
    if None in ids:
        # One of these says which file is not there.
        ids = [entry_rows.file_id(connection, entry, files) for entry in part.entries(connection.algorithm)]
    # Rows that are made within SQLite take half the time of those that are passed one by one.
    columns = {
        "segment": id,
        "paths": _json(part.paths),
        "executables": bytes(part.executables),
        "files": b"".join(map(_fixed, ids)),
    }
    connection.execute(
        f"""
        insert into entries (segment, path, kind, executable, file)
        select :segment, value, {int(Kind.FILE)}, substr(:executables, 1 + key, 1) = x'01',
            cast(substr(:files, 1 + {_ID_LENGTH} * key, {_ID_LENGTH}) as integer)
        from json_each(:paths)
        """,
        columns,
    )


def _insert_segment(connection: Connection, builder: EditBuilder, segment: Segment) -> int | None:
    """Add the row of a segment; return its id, or None if it is stored already."""
    row = (connection.algorithm.parse(segment.digest), *segment[1:])
    cursor = connection.execute(
        "insert into segments (digest, first, last, entries, size) values (?, ?, ?, ?, ?) on conflict do nothing", row
    )
    if cursor.rowcount != 1:
        return None
    id = cursor.lastrowid
    assert id is not None
    builder.segments[segment.digest] = id
    return id


def _store_segment(
    connection: Connection,
    builder: EditBuilder,
    segment: Segment,
    entries: Iterable[Entry],
    files: FileIds,
) -> None:
    id = _insert_segment(connection, builder, segment)
    if id is None:
        return
    if segment.digest in builder.origins:
        # Nearly all entries are those of the origin: rows copied within SQLite take half the time.
        origin, changed = builder.origins[segment.digest]
        connection.execute(
            f"""
            insert into entries (segment, path, kind, executable, file, target, ref)
            select ?, path, kind, executable, file, target, ref from entries
            where segment = ? and path not in ({",".join("?" * len(changed))}) order by path
            """,
            (id, origin, *changed),
        )
        entries = [entry for entry in entries if entry.path in changed]
    entries = list(entries)
    refs = iter(entry_rows.store_refs(connection, entry_rows.ref_rows(connection.algorithm, entries)))
    rows = []
    for entry in entries:
        file = _file_id(connection, builder, entry, files) if entry.kind == Kind.FILE else None
        ref = next(refs) if entry.kind == Kind.REFERENCE else None
        rows.append((id, entry.path, int(entry.kind), int(entry.executable), file, entry.target, ref))
    connection.executemany(
        "insert into entries (segment, path, kind, executable, file, target, ref) values (?, ?, ?, ?, ?, ?, ?)", rows
    )


def _file_id(connection: Connection, builder: EditBuilder, entry: Entry, files: FileIds) -> int:
    known = builder.files.get(entry.digest or "")
    return entry_rows.file_id(connection, entry, files) if known is None else known


def _store_group(connection: Connection, builder: EditBuilder, group: Group, segments: Iterable[Segment]) -> None:
    algorithm = connection.algorithm
    row = (algorithm.parse(group.digest), *group[1:])
    cursor = connection.execute(
        """
        insert into segment_groups (digest, first, last, segments, entries, size) values (?, ?, ?, ?, ?, ?)
        on conflict do nothing
        """,
        row,
    )
    if cursor.rowcount == 1:
        ids = [builder.segments.get(segment.digest) or _segment_id(connection, segment) for segment in segments]
        connection.execute(
            "insert into group_segments (segment_group, position, segment) select ?, key, value from json_each(?)",
            (cursor.lastrowid, json.dumps(ids)),
        )


def _segment_id(connection: Connection, segment: Segment) -> int:
    query = "select id from segments where digest = ?"
    return int(connection.execute(query, (connection.algorithm.parse(segment.digest),)).fetchone()[0])
