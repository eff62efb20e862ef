"""Read entries from the catalog, a few or very many at once, and write the files and refs that they name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, NamedTuple, TypeAlias

from artstore.catalog.connection import Connection
from artstore.catalog.file_ids import FileIds
from artstore.core.digests import LENGTH, Algorithm
from artstore.core.file_columns import split_numbers
from artstore.core.manifest import Entry, Kind, file_segment_digest, reference_identity, segment_digest
from artstore.errors import InvalidInput

_new = tuple.__new__
_MANY = 500

EntryRow: TypeAlias = tuple[str, int, Any]
"""An entry as stored: its path; twice its kind, plus one if executable; and its file, its target or its ref."""


def columns(table: str) -> str:
    """Return the columns of an `EntryRow` of a table."""
    return f"{table}.path, 2 * {table}.kind + {table}.executable, coalesce({table}.file, {table}.ref, {table}.target)"


SELECT_ENTRIES = f"""
    select {columns("entries")}, files.digest, files.size from entries left join files on files.id = entries.file
"""
"""Selects the rows that `from_rows` makes entries of."""
_PLAIN = """
    select max(kind + executable), group_concat(path, :nul),
        cast(group_concat(files.digest, '') as blob), group_concat(files.size)
    from entries left join files on files.id = entries.file where entries.segment between :first and :last
"""


class PlainFiles(NamedTuple):
    """Entries that are all files, none of them executable, as joined strings."""

    paths: list[str]
    digests: bytes
    """Raw digests, without a separator."""
    sizes: str
    """Sizes in bytes, separated by commas."""


def read(connection: Connection, first: int, last: int) -> PlainFiles | list[Entry]:
    """Read the entries of segments with consecutive ids that follow each other in this order, for `make`.

    Plain files, as most entries are, come as a few strings: for a million entries, SQLite takes longer to return the
    rows than to find them.
    """
    kinds, paths, digests, sizes = connection.execute(_PLAIN, {"first": first, "last": last, "nul": "\0"}).fetchone()
    if kinds == Kind.FILE:
        files = PlainFiles(paths.split("\0"), digests, sizes)
        # SQL does not promise the order of an aggregate; and a file that the catalog has lost has no digest here.
        if files.paths == sorted(files.paths) and len(digests) == LENGTH * len(files.paths):
            return files
    rows = connection.execute(
        f"{SELECT_ENTRIES} where entries.segment between ? and ? order by entries.path", (first, last)
    )
    return from_rows(connection, rows)


def make(connection: Connection, entries: PlainFiles | list[Entry]) -> list[Entry]:
    """Make the entries that `read` returned, in order."""
    if isinstance(entries, list):
        return entries
    digests, sizes, none = split_digests(connection, entries.digests), split_numbers(entries.sizes), repeat(None)
    # No line of Python runs for each entry.
    every = zip(entries.paths, repeat(Kind.FILE), digests, sizes, repeat(False), none, none, none, none)
    return list(map(_new, repeat(Entry), every))


def segment_digest_of(connection: Connection, entries: PlainFiles | list[Entry]) -> str:
    """Return the digest of the segment that consists of the entries that `read` returned."""
    if isinstance(entries, list):
        return segment_digest(connection.algorithm, entries)
    paths = [path.encode() for path in entries.paths]
    digests, sizes = split_digests(connection, entries.digests), split_numbers(entries.sizes)
    return file_segment_digest(connection.algorithm, paths, digests, sizes)


def from_rows(connection: Connection, rows: Iterable[tuple[Any, ...]]) -> list[Entry]:
    """Make entries of the rows that `SELECT_ENTRIES` selects."""
    file, prefix = Kind.FILE, connection.algorithm.name + ":"
    # Entries are made as plain tuples and digests formatted here: with a call for each, a million take twice as long.
    return [
        _new(Entry, (path, file, prefix + digest.hex(), size, flags == 3, None, None, None, None))
        if flags < 4
        else _other_entry(connection, path, flags, rest)
        for path, flags, rest, digest, size in rows
    ]


def _other_entry(connection: Connection, path: str, flags: int, rest: Any) -> Entry:
    kind = Kind(flags // 2)
    if kind != Kind.REFERENCE:
        return Entry(path, kind, target=rest)
    query = "select digest, size, uri, etag, object_version from refs where id = ?"
    digest, size, uri, etag, version_id = connection.execute(query, (rest,)).fetchone()
    return Entry(path, kind, digest, size, uri=uri, etag=etag, version_id=version_id)


def split_digests(connection: Connection, raw: bytes) -> list[str]:
    """Split raw digests without a separator, and write each as `algorithm:hex`."""
    return connection.algorithm.texts(raw)


def file_id(connection: Connection, entry: Entry, files: FileIds) -> int:
    """Return the id of an entry's stored file; `files` are known ids. Raises `InvalidInput`."""
    id = files.find(connection, connection.algorithm.parse(entry.digest or ""))[0]
    if id is None:
        raise InvalidInput(f"the content of {entry.path!r} is not in the store: add the file to the draft again")
    return id


RefRow: TypeAlias = tuple[bytes, str | None, str | None, int | None, str | None, str | None]
"""A reference as it is stored: the hash of its pins, the URI, and the pins. Made before the write lock is taken."""


def ref_rows(algorithm: Algorithm, entries: Iterable[Entry]) -> list[RefRow]:
    """Return the rows of those entries that are references."""
    return [
        (algorithm.raw(reference_identity(e)), e.uri, e.digest, e.size, e.etag, e.version_id)
        for e in entries
        if e.kind == Kind.REFERENCE
    ]


def store_refs(connection: Connection, rows: Sequence[RefRow]) -> list[int]:
    """Store references, unless they are stored already; return the ids of their rows."""
    connection.executemany(
        """
        insert into refs (identity, uri, digest, size, etag, object_version) values (?, ?, ?, ?, ?, ?)
        on conflict do nothing
        """,
        rows,
    )
    ids: dict[bytes, int] = {}
    for start in range(0, len(rows), _MANY):
        part = [row[0] for row in rows[start : start + _MANY]]
        query = f"select identity, id from refs where identity in ({','.join('?' * len(part))})"
        ids.update(connection.execute(query, part))
    return [ids[row[0]] for row in rows]
