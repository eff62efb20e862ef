"""Entries as rows of the catalog: read one by one, or very many at once, and the rows that they refer to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import repeat
from typing import Any, NamedTuple, TypeAlias

from artstore.catalog.connection import Connection
from artstore.core.digests import LENGTH, Algorithm
from artstore.core.manifest import Entry, Kind, reference_identity
from artstore.errors import InvalidInput

_new = tuple.__new__

EntryRow: TypeAlias = tuple[str, int, Any]
"""What the table says of an entry: its path; twice its kind, and one more if executable; its file, target or ref."""


def columns(table: str) -> str:
    """The columns of a `Row`."""
    return f"{table}.path, 2 * {table}.kind + {table}.executable, coalesce({table}.file, {table}.ref, {table}.target)"


SELECT_ENTRIES = f"""
    select {columns("entries")}, files.digest, files.size from entries left join files on files.id = entries.file
"""
"""Asks for what `of_rows` makes entries of."""
_PLAIN = """
    select max(kind + executable), group_concat(path, :nul),
        cast(group_concat(files.digest, '') as blob), group_concat(files.size)
    from entries left join files on files.id = entries.file where entries.segment between :first and :last
"""


class PlainFiles(NamedTuple):
    """What entries are that are all files and none executable."""

    paths: list[str]
    digests: bytes
    """With nothing between them."""
    sizes: str
    """With commas."""


def read(connection: Connection, first: int, last: int) -> PlainFiles | list[Entry]:
    """What `made` needs to make the entries of segments with ids in a row, which follow each other in this order.

    That is a few texts if they are plain files, as most are: handing out a row for each of a million entries takes
    longer than finding them.
    """
    kinds, paths, digests, sizes = connection.execute(_PLAIN, {"first": first, "last": last, "nul": "\0"}).fetchone()
    if kinds == Kind.FILE:
        found = PlainFiles(paths.split("\0"), digests, sizes)
        # The order of an aggregate is not promised; and content that the catalog has lost is not among it.
        if found.paths == sorted(found.paths) and len(digests) == LENGTH * len(found.paths):
            return found
    rows = connection.execute(
        f"{SELECT_ENTRIES} where entries.segment between ? and ? order by entries.path", (first, last)
    )
    return from_rows(connection, rows)


def make(algorithm: Algorithm, found: PlainFiles | list[Entry]) -> list[Entry]:
    """Make the entries that were read, in order."""
    if isinstance(found, list):
        return found
    digests, sizes, none = split_digests(algorithm, found.digests), split_numbers(found.sizes), repeat(None)
    # Made without a line of Python for each.
    every = zip(found.paths, repeat(Kind.FILE), digests, sizes, repeat(False), none, none, none, none)
    return list(map(_new, repeat(Entry), every))


def from_rows(connection: Connection, rows: Iterable[tuple[Any, ...]]) -> list[Entry]:
    """Make entries of what `ENTRY` gives."""
    file, prefix = Kind.FILE, connection.algorithm.name + ":"
    # Made as plain tuples are, and digests written here: calls for each of a million files take as long again.
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


def split_digests(algorithm: Algorithm, raw: bytes) -> list[str]:
    """Digests that come with nothing between them, as `algorithm:hex`."""
    prefix = algorithm.name + ":"
    return (prefix + raw.hex(",", -LENGTH).replace(",", "," + prefix)).split(",")


def split_numbers(together: str) -> list[int]:
    """Numbers that come with commas between them."""
    found: list[int] = json.loads(f"[{together}]")
    return found


def file_id(connection: Connection, entry: Entry, files: Mapping[bytes, int]) -> int:
    """The id of the stored file that an entry is; `files` are ids that are known. Raises `InvalidInput`."""
    raw = connection.algorithm.parse(entry.digest or "")
    known = files.get(raw)
    if known is None:
        row = connection.execute("select id from files where digest = ?", (raw,)).fetchone()
        if row is None:
            raise InvalidInput(
                f"the content of {entry.path!r} is not in the store (any more): add the file to the draft again"
            )
        known = int(row[0])
    return known


def store_ref(connection: Connection, entry: Entry) -> int:
    """Find or make the row of what a reference pins; return its id."""
    identity = connection.algorithm.raw(reference_identity(entry))
    row = (identity, entry.uri, entry.digest, entry.size, entry.etag, entry.version_id)
    connection.execute(
        """
        insert into refs (identity, uri, digest, size, etag, object_version) values (?, ?, ?, ?, ?, ?)
        on conflict do nothing
        """,
        row,
    )
    return int(connection.execute("select id from refs where identity = ?", (identity,)).fetchone()[0])
