"""Change a real store at random as an attacker would: values of rows, the schema, files of the folder, bytes."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from tests.support.hostile_stores import BAIT, DEEP, ENDLESS

NUMBERS: list[object] = [-1, 0, 1, 7, 255, 65_537, 1 << 31, 1 << 40, 1 << 62, (1 << 63) - 1, -(1 << 63), 1.5, 1e308]
TEXTS: list[object] = [
    *("", ".", "..", "/", "../../bait", "/etc/passwd", "../" * 300 + "tmp/escaped", "a/../../../escaped", "a\\b"),
    *("a\0b", "\ud7ff", "\u202e", "x" * 300, "x/" * 3000, "%2e%2e/escaped", "-rf", "\x1b[2J", "con", "🐈" * 90),
    *("null", "[]", "{}", "1e999", "NaN", "{", DEEP, '{"_type": "table-file", "path": "../../bait"}', "[" * 2000),
    *("file:///etc/passwd", "file://../../bait", "http://127.0.0.1:1/", "s3://", "x" * 2_000_000, "9" * 5000),
    *("blake3:" + "0" * 64, "sha256:", "9999-99-99T99:99:99.999999Z", "0000-00-00", "v-1", ":", "latest", "prod"),
]
BLOBS: list[object] = [b"", b"\0" * 32, b"\xff" * 16, b"../../bait", b"x" * 100_000]
SCHEMA = (
    "create trigger {any} after insert on {table} begin {endless}; end",
    "create trigger {any} after update on {table} begin delete from chunks; end",
    "create temp view {any} as {endless}",
    "create view {any} as {endless}",
    "create index {any} on {table} ({column})",
    "create unique index {any} on {table} ({column}) where 0",
    "alter table {table} rename column {column} to {any}",
    "alter table {table} rename to {any}",
    "alter table {table} add column {any} default (1)",
    "drop table {table}",
    "create virtual table {any} using fts5(a)",
    "create table {any} (a, b as (abs(a)))",
    "pragma user_version = 99",
    "pragma application_id = 0",
    "pragma journal_mode = delete",
    "pragma encoding = 'UTF-16'",
)


class Edit(NamedTuple):
    """What was changed."""

    kind: str
    what: str


def hostile(store: Path, draw: random.Random) -> list[Edit]:
    """Make one to four changes; return them."""
    kinds = (*(_value,) * 6, _schema, *(_file,) * 3, _bytes, _row)
    return [draw.choice(kinds)(store, draw) for _ in range(draw.choice((1, 1, 2, 4)))]


def _columns(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    query = (
        "select tables.name, columns.name from sqlite_schema as tables join pragma_table_xinfo(tables.name) as columns"
        " where tables.type = 'table' and tables.name not like 'sqlite%' and columns.hidden = 0"
    )
    return [(str(table), str(column)) for table, column in connection.execute(query)]


def _catalog(store: Path, draw: random.Random, change: Callable[[sqlite3.Connection, str, str], str]) -> str:
    """Change the catalog at a random column; what SQLite itself refuses changes nothing."""
    if not (store / "artstore.db").is_file():
        return "nothing"
    with closing(sqlite3.connect(store / "artstore.db", isolation_level=None)) as connection:
        connection.execute("pragma ignore_check_constraints = on")
        connection.execute("pragma foreign_keys = off")
        try:
            return change(connection, *draw.choice(_columns(connection)))
        except (sqlite3.Error, IndexError, UnicodeError) as error:
            return f"nothing: {error}"


def _value(store: Path, draw: random.Random) -> Edit:
    def change(connection: sqlite3.Connection, table: str, column: str) -> str:
        lists: list[list[object]] = [NUMBERS, TEXTS, BLOBS, [None]]
        value = draw.choice(draw.choice(lists))
        keys = connection.execute(f'select "{column}" from "{table}"').fetchall()
        old = draw.choice(keys)[0]
        with suppress(sqlite3.Error):
            connection.execute(f'update "{table}" set "{column}" = ? where "{column}" is ?', (value, old))
            return f"{table}.{column} from {old!r:.40} to {value!r:.40}"
        # A strict table takes values of its own type only.
        value = draw.choice(NUMBERS[:11] if isinstance(old, int) else BLOBS if isinstance(old, bytes) else TEXTS)
        connection.execute(f'update "{table}" set "{column}" = ? where "{column}" is ?', (value, old))
        return f"{table}.{column} from {old!r:.40} to {value!r:.40}"

    return Edit("value", _catalog(store, draw, change))


def _row(store: Path, draw: random.Random) -> Edit:
    def change(connection: sqlite3.Connection, table: str, column: str) -> str:
        if draw.random() < 0.5:
            connection.execute(f'delete from "{table}" where "{column}" is (select "{column}" from "{table}" limit 1)')
            return f"rows of {table} deleted by {column}"
        columns = [name for owner, name in _columns(connection) if owner == table and name != "id"]
        names = ", ".join(f'"{name}"' for name in columns)
        values = ", ".join(f'"{name}" + 1' if name == column else f'"{name}"' for name in columns)
        connection.execute(f'insert or replace into "{table}" ({names}) select {values} from "{table}" limit 1')
        return f"a row of {table} copied with another {column}"

    return Edit("row", _catalog(store, draw, change))


def _schema(store: Path, draw: random.Random) -> Edit:
    statement = draw.choice(SCHEMA)

    def change(connection: sqlite3.Connection, table: str, column: str) -> str:
        full = statement.format(any=f"evil{draw.randrange(99)}", table=table, column=column, endless=ENDLESS)
        connection.execute(full)
        return full

    return Edit("schema", _catalog(store, draw, change))


def _file(store: Path, draw: random.Random) -> Edit:
    """Put something else in the place of a part of the store, or beside the parts."""
    parts = [store / name for name in ("packs", "locks", "locks/turn.lock", "locks/clock", "artstore.db-wal")]
    parts += [store / name for name in ("artstore.db", "artstore.db-shm", "locks/0123456789abcdef.lock", "runs")]
    parts += [*sorted((store / "packs").glob("*")), store / "packs" / "0123456789abcdef.pack", store / "packs/.x"]
    path = draw.choice(parts)
    bait = store.parent / BAIT
    kept = store.parent / "kept" / f"{draw.randrange(1 << 30)}"
    if not path.parent.is_dir() or path.parent.is_symlink():
        return Edit("file", "nothing")
    if os.path.lexists(path):
        kept.parent.mkdir(exist_ok=True)
        shutil.move(path, kept)
    kind = draw.choice(("link", "link out", "link to itself", "FIFO", "folder", "empty", "sparse", "gone"))
    if kind == "link" and kept.exists():
        path.symlink_to(kept)
    elif kind == "link out":
        path.symlink_to(bait)
    elif kind == "link to itself":
        path.symlink_to(path.name)
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind in ("empty", "sparse"):
        path.touch()
        os.truncate(path, 0 if kind == "empty" else 1 << 36)
    return Edit("file", f"{path.relative_to(store)}: {kind}")


def _bytes(store: Path, draw: random.Random) -> Edit:
    """Overwrite some bytes of a file."""
    files = [path for path in sorted(store.rglob("*")) if path.is_file() and not path.is_symlink()]
    files = [path for path in files if path.stat().st_nlink == 1 and 0 < path.stat().st_size < 1 << 30]
    if not files:
        return Edit("bytes", "nothing")
    path = draw.choice(files)
    with path.open("r+b") as file:
        at = draw.choice((draw.randrange(120), draw.randrange(path.stat().st_size)))
        file.seek(at)
        file.write(draw.randbytes(draw.choice((1, 4, 64))))
    return Edit("bytes", f"{path.relative_to(store)} at {at}")
