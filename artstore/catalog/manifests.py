"""Manifests in the catalog: groups of segments of entries, each stored once however many versions contain it."""

from __future__ import annotations

import json
import sqlite3
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias, TypeVar

from artstore.catalog.changes import Changes
from artstore.digests import LENGTH, Algorithm
from artstore.errors import Damaged, InvalidInput
from artstore.manifest import Builder, Entry, Group, Kind, Segment, in_order, reference_identity

_FEW = 16
_FILES_REMEMBERED = 262_144
_new = tuple.__new__
Part = TypeVar("Part", Group, Segment)

_Row: TypeAlias = tuple[str, int, Any]
"""What the table says of an entry: its path; twice its kind, and one more if executable; its file, target or ref."""


def _row(table: str) -> str:
    return f"{table}.path, 2 * {table}.kind + {table}.executable, coalesce({table}.file, {table}.ref, {table}.target)"


_DIFFERENT = f"""
    select {_row("mine")}, {_row("theirs")}
    from entries as mine left join entries as theirs on theirs.segment = ? and theirs.path = mine.path
    where mine.segment = ? and ({_row("mine")}) is not ({_row("theirs")})
"""
_COLUMNS = f"{_row('entries')}, files.digest, files.size"
_ENTRY = f"select {_COLUMNS} from entries left join files on files.id = entries.file"
_PLAIN = """
    select max(kind + executable), group_concat(path, :nul),
        cast(group_concat(files.digest, '') as blob), group_concat(files.size)
    from entries left join files on files.id = entries.file where entries.segment = :segment
"""


class _Texts(NamedTuple):
    """What the entries of a segment are that are all files and none executable."""

    paths: list[str]
    digests: bytes
    """With nothing between them."""
    sizes: str
    """With commas."""


class Edited(Builder):
    """A builder that knows the ids of what it took from the base, by digest, so that nobody looks them up again."""

    def __init__(self, algorithm: Algorithm, *, held: int = sys.maxsize) -> None:
        super().__init__(algorithm, held=held)
        self.segments: dict[str, int] = {}
        self.origins: dict[str, tuple[int, Sequence[str]]] = {}
        """For segments that differ from one of the base in a few paths alone: its id, and these paths."""
        self.files: dict[str, int] = {}
        """As far as they are remembered."""


def groups_of(connection: sqlite3.Connection, algorithm: Algorithm, version: int) -> list[Group]:
    """The groups of a version, in order."""
    query = """
        select g.digest, g.first, g.last, g.segments, g.entries, g.size
        from version_groups join segment_groups as g on g.id = version_groups.segment_group
        where version_groups.version = ? order by version_groups.position
    """
    return [Group(algorithm.text(row[0]), *row[1:]) for row in connection.execute(query, (version,))]


def segments_of(connection: sqlite3.Connection, algorithm: Algorithm, group: Group) -> list[Segment]:
    """The segments of a group, in order."""
    return [segment for _, segment in _segments_of(connection, algorithm, group)]


def _segments_of(connection: sqlite3.Connection, algorithm: Algorithm, group: Group) -> list[tuple[int, Segment]]:
    query = """
        select group_concat(s.id), cast(group_concat(s.digest, '') as blob), group_concat(s.first, :nul),
            group_concat(s.last, :nul), group_concat(s.entries), group_concat(s.size)
        from segment_groups as g join group_segments on group_segments.segment_group = g.id
        join segments as s on s.id = group_segments.segment
        where g.digest = :digest
    """
    row = connection.execute(query, {"digest": algorithm.parse(group.digest), "nul": "\0"}).fetchone()
    if row[0] is None:
        return []
    ids, digests, firsts, lasts, entries, sizes = row
    fields = zip(
        _digests(algorithm, digests),
        firsts.split("\0"),
        lasts.split("\0"),
        _numbers(entries),
        _numbers(sizes),
        strict=True,
    )
    found = zip(_numbers(ids), map(_new, repeat(Segment), fields), strict=True)
    # The order of an aggregate is not promised.
    return sorted(found, key=_first)


def _first(numbered: tuple[int, Segment]) -> str:
    return numbered[1].first


def _digests(algorithm: Algorithm, raw: bytes) -> list[str]:
    """Digests that come with nothing between them, as `algorithm:hex`."""
    prefix = algorithm.name + ":"
    return (prefix + raw.hex(",", -LENGTH).replace(",", "," + prefix)).split(",")


def _numbers(together: str) -> list[int]:
    """Numbers that come with commas between them."""
    found: list[int] = json.loads(f"[{together}]")
    return found


def entries_of(connection: sqlite3.Connection, algorithm: Algorithm, segment: Segment) -> list[Entry]:
    """The entries of a segment, in order."""
    row = connection.execute("select id from segments where digest = ?", (algorithm.parse(segment.digest),)).fetchone()
    return _made(algorithm, _read(connection, algorithm, row[0])) if row else []


def _read(connection: sqlite3.Connection, algorithm: Algorithm, segment: int) -> _Texts | list[Entry]:
    """What `_made` needs to make the entries of a segment: a few texts, if they are plain files, as most are.

    Handing out a row for each of a million entries takes longer than finding them.
    """
    kinds, paths, digests, sizes = connection.execute(_PLAIN, {"segment": segment, "nul": "\0"}).fetchone()
    if kinds == Kind.FILE:
        found = _Texts(paths.split("\0"), digests, sizes)
        # The order of an aggregate is not promised; and content that the catalog has lost is not among it.
        if found.paths == sorted(found.paths) and len(digests) == LENGTH * len(found.paths):
            return found
    rows = connection.execute(f"{_ENTRY} where entries.segment = ? order by entries.path", (segment,))
    return _entries(connection, algorithm, rows)


def _made(algorithm: Algorithm, read: _Texts | list[Entry]) -> list[Entry]:
    if isinstance(read, list):
        return read
    digests, sizes, none = _digests(algorithm, read.digests), _numbers(read.sizes), repeat(None)
    # Made without a line of Python for each.
    every = zip(read.paths, repeat(Kind.FILE), digests, sizes, repeat(False), none, none, none, none)
    return list(map(_new, repeat(Entry), every))


def _entries(connection: sqlite3.Connection, algorithm: Algorithm, rows: Iterable[tuple[Any, ...]]) -> list[Entry]:
    file, prefix = Kind.FILE, algorithm.name + ":"
    # Made as plain tuples are, and digests written here: calls for each of a million files take as long again.
    return [
        _new(Entry, (path, file, prefix + digest.hex(), size, flags == 3, None, None, None, None))
        if flags < 4
        else _other_entry(connection, path, flags, rest)
        for path, flags, rest, digest, size in rows
    ]


def _other_entry(connection: sqlite3.Connection, path: str, flags: int, rest: Any) -> Entry:
    kind = Kind(flags // 2)
    if kind != Kind.REFERENCE:
        return Entry(path, kind, target=rest)
    query = "select digest, size, uri, etag, object_version from refs where id = ?"
    digest, size, uri, etag, version_id = connection.execute(query, (rest,)).fetchone()
    return Entry(path, kind, digest, size, uri=uri, etag=etag, version_id=version_id)


def entries_in(connection: sqlite3.Connection, algorithm: Algorithm, group: Group) -> Iterator[Entry] | None:
    """The entries of a group, in order; None if the group is gone.

    They are read at once, and made as they are asked for, a segment at a time. Raises `Damaged` if some are gone.
    """
    query = """
        select group_segments.segment from segment_groups as g
        join group_segments on group_segments.segment_group = g.id where g.digest = ? order by group_segments.position
    """
    segments = connection.execute(query, (algorithm.parse(group.digest),)).fetchall()
    if not segments:
        return None
    read = [_read(connection, algorithm, id) for (id,) in segments]
    if sum(len(each if isinstance(each, list) else each.paths) for each in read) != group.entries:
        raise Damaged(
            f"the catalog has lost entries from {group.first!r} to {group.last!r}: run `artstore verify`, "
            "and restore the catalog from a backup"
        )
    return chain.from_iterable(map(_made, repeat(algorithm), read))


def has_below(connection: sqlite3.Connection, version: int, folder: str) -> bool:
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
    found = connection.execute(query, {"version": version, "first": first, "last": last}).fetchone()
    return found is not None


def find(connection: sqlite3.Connection, algorithm: Algorithm, version: int, path: str) -> Entry | None:
    """The entry of a version at a path."""
    query = f"""{_ENTRY} where entries.segment = (
            select s.id from version_groups
            join segment_groups as g on g.id = version_groups.segment_group
            join group_segments on group_segments.segment_group = g.id
            join segments as s on s.id = group_segments.segment
            where version_groups.version = ? and ? between g.first and g.last and ? between s.first and s.last
        ) and entries.path = ?"""
    found = _entries(connection, algorithm, connection.execute(query, (version, path, path, path)))
    return found[0] if found else None


class Changed(NamedTuple):
    """What differs between two versions, each in path order; a change is (before, after)."""

    added: list[Entry]
    removed: list[Entry]
    changed: list[tuple[Entry, Entry]]


def diff(connection: sqlite3.Connection, algorithm: Algorithm, old: int, new: int) -> Changed:
    """Compare two versions: the segments that only one of them has, and of those what only one side has.

    Most edits leave the bounds of a segment as they were: there the database finds what differs.
    """
    before, after = _own_segments(connection, old, new), _own_segments(connection, new, old)
    left: set[_Row] = set()
    right: set[_Row] = set()
    for bounds in before.keys() & after.keys():
        rows = connection.execute(_DIFFERENT, (after[bounds], before[bounds])).fetchall()
        # Of as many entries, with all paths the same, each is a change.
        if all(row[3] is not None for row in rows):
            left.update(row[:3] for row in rows)
            right.update(row[3:] for row in rows)
            del before[bounds], after[bounds]
    for side, segments in ((left, before), (right, after)):
        for segment in segments.values():
            side.update(connection.execute(f"select {_row('entries')} from entries where segment = ?", (segment,)))
    gone, come = (
        {entry.path: entry for entry in _of_rows(connection, algorithm, rows)} for rows in (left - right, right - left)
    )
    return Changed(
        [entry for path, entry in come.items() if path not in gone],
        [entry for path, entry in gone.items() if path not in come],
        [(entry, come[path]) for path, entry in gone.items() if path in come],
    )


def _own_segments(connection: sqlite3.Connection, version: int, other: int) -> dict[tuple[str, str, int], int]:
    """The segments that another version does not have, by their bounds and how many entries they have."""
    segments = """
        select segment from version_groups
        join group_segments on group_segments.segment_group = version_groups.segment_group
        where version_groups.version = ?
    """
    query = f"select first, last, entries, id from segments where id in ({segments} except {segments})"
    return {row[:3]: row[3] for row in connection.execute(query, (version, other))}


def _of_rows(connection: sqlite3.Connection, algorithm: Algorithm, rows: set[_Row]) -> list[Entry]:
    full = []
    for path, flags, rest in sorted(rows, key=itemgetter(0)):
        file = rest if flags // 2 == Kind.FILE else None
        content = connection.execute("select digest, size from files where id = ?", (file,)).fetchone() or (None, None)
        full.append((path, flags, rest, *content))
    return _entries(connection, algorithm, full)


def edited(
    connection: sqlite3.Connection,
    algorithm: Algorithm,
    base: int | None,
    changes: Changes,
) -> Edited:
    """Cut the manifest of a version with changes: entries to put in, None to take out. It still has to be finished.

    Only the parts of the base that the changes touch are read.
    """
    # About as many entries as changes are held; all, where they are in memory anyway.
    builder = Edited(algorithm, held=200) if changes.on_disk else Edited(algorithm)
    groups = groups_of(connection, algorithm, base) if base is not None else []
    paths = list(changes) if groups else []
    start = 0
    for group, following in _with_next_first(groups):
        end = bisect_left(paths, following) if following is not None else len(paths)
        mine, start = paths[start:end], end
        if builder.at_group_cut and not mine:
            builder.keep_group(group)
        else:
            _edit_group(connection, builder, _segments_of(connection, algorithm, group), mine, changes)
    if not groups:
        builder.add(changes.added())
    return builder


def _edit_group(
    connection: sqlite3.Connection,
    builder: Edited,
    rows: list[tuple[int, Segment]],
    paths: Sequence[str],
    changes: Changes,
) -> None:
    builder.segments.update({segment.digest: id for id, segment in rows})
    segments = [segment for _, segment in rows]
    firsts = [segment.first for segment in segments]
    start = done = 0
    while done < len(segments):
        if builder.at_segment_cut:
            # Up to the one that the next change falls into, which is the first one for what comes before it.
            touched = max(bisect_right(firsts, paths[start]) - 1, done) if start < len(paths) else len(segments)
            _keep(builder, segments, done, touched)
            if touched == len(segments):
                return
            done = touched
        segment, done = segments[done], done + 1
        end = bisect_left(paths, firsts[done]) if done < len(segments) else len(paths)
        mine, start = paths[start:end], end
        id = builder.segments[segment.digest]
        entries = _made(builder.algorithm, _read(connection, builder.algorithm, id))
        kept = {entry.path: entry for entry in entries} | {path: changes[path] for path in mine}
        alone, before = builder.at_segment_cut, len(builder.new_segments)
        builder.add(in_order(entry for entry in kept.values() if entry is not None))
        if alone and builder.at_segment_cut and len(builder.new_segments) == before + 1 and len(mine) <= _FEW:
            builder.origins[builder.new_segments[-1][0].digest] = id, mine
        else:
            _remember_files(connection, builder, id, entries)


def _keep(builder: Builder, group: Sequence[Segment], start: int, end: int) -> None:
    """Keep segments of a group of the base, from one up to another."""
    uncut = min(end, len(group) - 1) if builder.since_group_cut == start else start
    builder.keep_uncut(group[start:uncut])
    builder.keep_segments(group[uncut:end])


def _remember_files(connection: sqlite3.Connection, builder: Edited, segment: int, entries: Iterable[Entry]) -> None:
    if len(builder.files) < _FILES_REMEMBERED:
        ids = connection.execute("select file from entries where segment = ? order by path", (segment,))
        builder.files.update({entry.digest or "": file for entry, (file,) in zip(entries, ids, strict=True) if file})


def _with_next_first(parts: Sequence[Part]) -> Iterator[tuple[Part, str | None]]:
    for i, part in enumerate(parts):
        yield part, parts[i + 1].first if i + 1 < len(parts) else None


def store(connection: sqlite3.Connection, builder: Edited, files: Mapping[bytes, int]) -> list[int]:
    """Put what a finished builder made anew into the catalog; return the ids of all its groups, in order.

    `files` are ids of stored files that are known already; the others are looked up.
    """
    for segment, entries in builder.new_segments:
        _store_segment(connection, builder, segment, entries, files)
    for group, segments in builder.new_groups:
        _store_group(connection, builder, group, segments)
    query = "select id from segment_groups where digest = ?"
    parse = builder.algorithm.parse
    return [connection.execute(query, (parse(group.digest),)).fetchone()[0] for group in builder.groups]


def _store_segment(
    connection: sqlite3.Connection,
    builder: Edited,
    segment: Segment,
    entries: Iterable[Entry],
    files: Mapping[bytes, int],
) -> None:
    row = (builder.algorithm.parse(segment.digest), *segment[1:])
    cursor = connection.execute(
        "insert into segments (digest, first, last, entries, size) values (?, ?, ?, ?, ?) on conflict do nothing", row
    )
    if cursor.rowcount != 1:
        return
    id = cursor.lastrowid
    assert id is not None
    builder.segments[segment.digest] = id
    if segment.digest in builder.origins:
        # Where nearly all is as it was, rows that do not come by here take half the time.
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
    rows = []
    for entry in entries:
        file = _file_id(connection, builder, entry, files) if entry.kind == Kind.FILE else None
        ref = store_ref(connection, builder.algorithm, entry) if entry.kind == Kind.REFERENCE else None
        rows.append((id, entry.path, int(entry.kind), int(entry.executable), file, entry.target, ref))
    connection.executemany(
        "insert into entries (segment, path, kind, executable, file, target, ref) values (?, ?, ?, ?, ?, ?, ?)", rows
    )


def _file_id(connection: sqlite3.Connection, builder: Edited, entry: Entry, files: Mapping[bytes, int]) -> int:
    known = builder.files.get(entry.digest or "")
    return file_id(connection, builder.algorithm, entry, files) if known is None else known


def file_id(connection: sqlite3.Connection, algorithm: Algorithm, entry: Entry, files: Mapping[bytes, int]) -> int:
    """The id of the stored file that an entry is; `files` are ids that are known. Raises `InvalidInput`."""
    raw = algorithm.parse(entry.digest or "")
    known = files.get(raw)
    if known is None:
        row = connection.execute("select id from files where digest = ?", (raw,)).fetchone()
        if row is None:
            raise InvalidInput(
                f"the content of {entry.path!r} is not in the store (any more): add the file to the draft again"
            )
        known = int(row[0])
    return known


def store_ref(connection: sqlite3.Connection, algorithm: Algorithm, entry: Entry) -> int:
    """Find or make the row of what a reference pins; return its id."""
    identity = algorithm.raw(reference_identity(entry))
    row = (identity, entry.uri, entry.digest, entry.size, entry.etag, entry.version_id)
    connection.execute(
        """
        insert into refs (identity, uri, digest, size, etag, object_version) values (?, ?, ?, ?, ?, ?)
        on conflict do nothing
        """,
        row,
    )
    return int(connection.execute("select id from refs where identity = ?", (identity,)).fetchone()[0])


def _store_group(connection: sqlite3.Connection, builder: Edited, group: Group, segments: Iterable[Segment]) -> None:
    algorithm = builder.algorithm
    row = (algorithm.parse(group.digest), *group[1:])
    cursor = connection.execute(
        """
        insert into segment_groups (digest, first, last, segments, entries, size) values (?, ?, ?, ?, ?, ?)
        on conflict do nothing
        """,
        row,
    )
    if cursor.rowcount == 1:
        ids = [builder.segments.get(each.digest) or _segment_id(connection, algorithm, each) for each in segments]
        connection.execute(
            "insert into group_segments (segment_group, position, segment) select ?, key, value from json_each(?)",
            (cursor.lastrowid, json.dumps(ids)),
        )


def _segment_id(connection: sqlite3.Connection, algorithm: Algorithm, segment: Segment) -> int:
    query = "select id from segments where digest = ?"
    return int(connection.execute(query, (algorithm.parse(segment.digest),)).fetchone()[0])
