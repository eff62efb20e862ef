"""Find the rows of a catalog that cannot be understood: text that is not UTF-8, JSON, times and digests that are none.

A file system or a disk that changes a byte changes what a row says, and then decoding fails anywhere. So whatever fails
with an error that damaged rows can cause is explained here: if there is such a row, the error names its table and row.
"""

from __future__ import annotations

import json
import re
import sqlite3
import struct
from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from artstore.catalog import timestamps
from artstore.catalog.connection import FILE, connect_for_reading
from artstore.core import names
from artstore.core.digests import LENGTH
from artstore.core.manifest import LARGEST_SIZE
from artstore.errors import ArtstoreError, Damaged, InvalidPath
from artstore.runtime.words import visible
from artstore.storage import packs, random_names

UNREADABLE = (
    sqlite3.DatabaseError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    AssertionError,
    RecursionError,
    struct.error,
)
"""The errors that decoding a damaged row may raise."""
LARGE = frozenset({"chunks", "files", "file_chunks", "refs", "segments", "entries", "group_segments", "stat_blocks"})
"""Tables with a row for each file or chunk. Their rows are covered by digests, or, in the stat cache, may be wrong."""
LISTS = frozenset({"artifact_types", "prefixes", "tags"})
"""Columns with lists of texts as JSON."""
JSON = LISTS | {"detail", "metadata", "config", "summary", "environment", "data"}
"""Columns with JSON."""
_PATHS = frozenset({"path", "first", "last"})
"""Columns with paths, which contain no NUL: several are read at a time, with NUL between them."""
_COUNTS = frozenset({"count", "entries", "length", "offset", "position", "size"})
"""Columns with numbers that are not negative."""
_WITH_SIZES = frozenset({"chunks", "files", "refs"})
"""Tables in which a size is at most `LARGEST_SIZE`; those of others are sums."""
_FOLDERS = frozenset({("collections", "name"), ("projects", "name")})
"""Columns with names that downloads give to folders."""
_DIGESTS = frozenset({"digest", "manifest", "identity"})
_LARGEST_IN_CHUNKS = {"offset": LARGEST_SIZE, "length": packs.SEAL_AT, "size": packs.SEAL_AT}
"""No chunk lies further behind in its pack, and none is longer: no memory is allocated for one."""
_LONGEST_TTL = int(timedelta.max.total_seconds())
_TOO_DEEP = "is JSON with too many levels"
_MOST_LEVELS = 1000
"""SQLite takes 1,000 or 2,000, by its version; Python 3.11 fewer, and a newer one decodes more than it can print."""
_CHECK = re.compile(r"\bcheck\s*\(", re.IGNORECASE)
_BRACKET_OR_STRING = re.compile(r"[()]|'[^']*'")
REMEDY = "run `artstore verify`, and restore the catalog from a backup with `artstore restore`"
"""What to do about damage, as the end of an error."""


class DamagedRow(NamedTuple):
    """A row that cannot be understood: its table, its key, and what is wrong."""

    table: str
    row: str
    fault: str

    def __str__(self) -> str:
        return f"{self.table} row {self.row}: {self.fault}"


def explain(error: BaseException, folder: Path) -> Damaged | None:
    """Return the error to raise in place of one that damaged rows may have caused; None if no row is damaged."""
    if isinstance(error, ArtstoreError | sqlite3.ProgrammingError) or not isinstance(error, UNREADABLE):
        return None
    try:
        # A change that breaks a rule is an error of its own, unless rows broke one before it.
        searches = [_broken_rules] if isinstance(error, sqlite3.IntegrityError) else [damaged_rows, _broken_rules]
        found = next((row for row in (_first(search(folder)) for search in searches) if row is not None), None)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as worse:
        # SQLite's own message may contain damaged text.
        return Damaged(f"{folder / FILE} is damaged ({worse}): {REMEDY}")
    if found is None and "integer overflow" in str(error):
        return Damaged(f"{folder / FILE} is damaged: its numbers are too large to be added: {REMEDY}")
    return Damaged(f"{folder / FILE} is damaged: {found}. To see all of it, {REMEDY}") if found else None


def _first(rows: Generator[DamagedRow, None, None]) -> DamagedRow | None:
    with closing(rows):
        return next(rows, None)


def damaged_rows(folder: Path, *, without: frozenset[str] = frozenset()) -> Generator[DamagedRow, None, None]:
    """Yield the rows that cannot be understood, of all tables but those left out."""
    with closing(connect_for_reading(folder)) as connection:
        connection.text_factory = bytes
        query = (
            "select name from sqlite_schema where type = 'table' and name not like 'sqlite!_%' escape '!' order by 1"
        )
        tables = [name.decode(errors="backslashreplace") for (name,) in connection.execute(query)]
        for table in tables:
            if table not in without and not table.startswith("_"):
                yield from _damaged_rows_of(connection, table)


def damaged_large_rows(folder: Path) -> Generator[DamagedRow, None, None]:
    """Yield the rows of the large tables that cannot be right, for a store in which digests have shown damage."""
    with closing(connect_for_reading(folder)) as connection:
        connection.text_factory = bytes
        for table in sorted(LARGE - {"stat_blocks"}):
            yield from _damaged_rows_of(connection, table)
    try:
        yield from (row for row in _broken_rules(folder) if row.table in LARGE)
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        # SQLite's structures are damaged, which its own check reports.
        return


def _broken_rules(folder: Path) -> Generator[DamagedRow, None, None]:
    """Yield a row for each rule of a table that is broken, and rows that refer to one which is not there."""
    with closing(connect_for_reading(folder)) as connection:
        for table, sql in connection.execute("select name, sql from sqlite_schema where type = 'table'").fetchall():
            keys = [name for _, name, *_, key in connection.execute(f'pragma table_info("{table}")') if key]
            for rule in _rules(sql):
                query = f'select {", ".join(keys) or "rowid"} from "{table}" where not ({rule}) limit 1'
                for row in connection.execute(query):
                    yield DamagedRow(table, ", ".join(map(shown, row)), f"breaks the rule {rule}")
        yield from _low_numbers(connection)
        yield from rows_without_owner(connection)


def rows_without_owner(connection: sqlite3.Connection) -> Iterator[DamagedRow]:
    """Yield the rows that refer to one which is not there."""
    for table, row, referred, _ in connection.execute("pragma main.foreign_key_check"):
        yield DamagedRow(table, "(not known)" if row is None else str(row), f"refers to no row of {referred}")


def _low_numbers(connection: sqlite3.Connection) -> Iterator[DamagedRow]:
    """Yield the collections that would give a version, or a link, a number that another one has."""
    query = """
        select collections.id, next_number, max(taken.number) from collections
        join (select collection, number from versions union all select collection, number from links) as taken
            on taken.collection = collections.id
        group by collections.id having max(taken.number) >= next_number
    """
    for collection, following, highest in connection.execute(query):
        yield DamagedRow("collections", str(collection), f"next_number is {following}, but v{highest} is there")


def _rules(sql: str) -> Iterator[str]:
    """Yield the conditions of the CHECK constraints of a table. SQLite itself looks at none where it may only read."""
    for found in _CHECK.finditer(sql):
        depth, end = 1, found.end()
        for part in _BRACKET_OR_STRING.finditer(sql, end):
            depth += {"(": 1, ")": -1}.get(part[0], 0)
            if depth == 0:
                end = part.start()
                break
        yield sql[found.end() : end]


def _damaged_rows_of(connection: sqlite3.Connection, table: str) -> Iterator[DamagedRow]:
    columns = [
        (name.decode(), type.decode(), bool(not_null), key)
        for _, name, type, not_null, _, key in connection.execute(f'pragma table_info("{table}")')
    ]
    keys = [i for i, column in enumerate(columns) if column[3]]
    try:
        for row in connection.execute(f'select * from "{table}"'):
            for (name, type, not_null, _), value in zip(columns, row, strict=True):
                fault = fault_of(table, name, type, not_null, value)
                if fault is not None:
                    key = ", ".join(shown(row[i]) for i in keys)
                    yield DamagedRow(table, key, f"{name} {fault}")
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        row = _unreadable_row(connection, table, [columns[i][0] for i in keys])
        yield DamagedRow(table, row or "(not known)", f"cannot be read ({error})")


def _unreadable_row(connection: sqlite3.Connection, table: str, keys: list[str]) -> str | None:
    """Return the key of the first row that cannot be read, if the keys themselves can."""
    if not keys:
        return None
    try:
        listed = connection.execute(f'select {", ".join(keys)} from "{table}"').fetchall()
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return None
    query = f'select * from "{table}" where {" and ".join(f"{key} = ?" for key in keys)}'
    for key in listed:
        try:
            connection.execute(query, key).fetchall()
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            return ", ".join(map(shown, key))
    return None


def fault_of(table: str, name: str, type: str, not_null: bool, value: Any) -> str | None:
    """Return what is wrong with a value of a column, if anything is."""
    if value is None:
        return "is missing" if not_null else None
    kind = {"INTEGER": int, "TEXT": bytes, "BLOB": bytes}.get(type.upper())
    if kind is not None and not isinstance(value, kind):
        return f"is {shown(value)}, not {type.lower()}"
    if name == "ttl" and not 0 < value <= _LONGEST_TTL:
        return f"is not a duration in seconds: {shown(value)}"
    if name in _COUNTS and (value < 0 or (table in _WITH_SIZES and value > LARGEST_SIZE)):
        return f"is {value}"
    if table == "chunks" and value > _LARGEST_IN_CHUNKS.get(name, value):
        return f"is {value}"
    if type.upper() == "BLOB":
        return None if name not in _DIGESTS or len(value) == LENGTH else f"has {len(value)} bytes, not {LENGTH}"
    if type.upper() != "TEXT":
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return f"is not UTF-8: {shown(value)}"
    if name in _PATHS and "\0" in text:
        return "contains NUL"
    if (fault := _fault_of_name(table, name, text)) is not None:
        return fault
    try:
        if name in JSON:
            return _fault_of_json(name, text)
        if name.endswith("_at") or name == "at":
            timestamps.check(text)
    except RecursionError:
        return _TOO_DEEP
    except ValueError:
        return f"is not {'JSON' if name in JSON else 'a time'}: {shown(value)}"
    return None


def _fault_of_name(table: str, name: str, text: str) -> str | None:
    """Return what is wrong with a name or path that would lead out of the store, or out of the root of a download."""
    if ((table, name) == ("packs", "name") or name == "session") and not random_names.is_one(text):
        return f"is not {random_names.RULE}: {text[:60]!r}"
    try:
        if (table, name) in _FOLDERS:
            names.folder(text)
        elif (table, name) == ("entries", "path"):
            names.check_entry_paths([text])
    except (Damaged, InvalidPath):
        return f"is not one that artstore gives: {text[:60]!r}"
    return None


def _fault_of_json(name: str, text: str) -> str | None:
    value = json.loads(text)
    # Few texts have so many brackets that their levels have to be counted.
    if text.count("{") + text.count("[") > _MOST_LEVELS and _levels(value) > _MOST_LEVELS:
        return _TOO_DEEP
    if name not in LISTS:
        return None if value is None or isinstance(value, dict) else "is JSON, but not an object"
    is_right = isinstance(value, list) and all(isinstance(part, str) for part in value)
    return None if is_right else "is JSON, but not a list of texts"


def _levels(value: Any) -> int:
    """Return how many lists and objects of a JSON value stand in one another."""
    levels, inside = 0, [value]
    while outer := [part for part in inside if isinstance(part, dict | list)]:
        levels += 1
        inside = [part for each in outer for part in (each.values() if isinstance(each, dict) else each)]
    return levels


def shown(value: Any) -> str:
    """Return a value of a row as a message shows it: on one line, and not longer than 63 characters."""
    text = visible(value.decode(errors="backslashreplace")) if isinstance(value, bytes) else repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
