"""Make stores as an attacker would send them: names that are paths, links and FIFOs, foreign schemas, huge lengths."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

BAIT = "bait"
"""A file outside the store that hostile parts point at: nobody may read, lock or change it."""
VERBS = [
    ["ls"],
    ["ls", "animals"],
    ["show", "animals:v0"],
    ["log", "animals"],
    ["get", "animals:v0", "--root", "out/root"],
    ["get", "animals:v0"],
    ["runs"],
    ["du"],
    ["lineage", "animals:v0"],
    ["diff", "animals:v0", "animals:v1"],
    ["sql", "select count(*) from packs"],
    ["verify"],
    ["backup", "out/backup"],
    ["gc"],
    ["put", "source", "--name", "animals"],
    ["rm", "animals:v0", "--yes"],
]
"""What the victim does with the store, in the folder that has `source`."""
DEEP = '{"a":' * 5000 + "1" + "}" * 5000
SESSION = "0123456789abcdef"
"""A name as process locks have it, of no process."""
_PIECE = 8 * 1024 * 1024
ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"


def outside(place: Path, *own: Path) -> dict[str, tuple[object, ...]]:
    """Return everything in a folder but what is in `own`: names, bytes, links, modes, times and inodes."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(place):
        folders[:] = [name for name in folders if Path(folder, name) not in own]
        for path in (Path(folder, name) for name in (*folders, *files)):
            status = path.lstat()
            content: object = None
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                content = (status.st_size, status.st_blocks, _beginning_and_end(path))
            about = (status.st_mode, status.st_mtime_ns, status.st_ino, status.st_uid, status.st_nlink)
            found[str(path.relative_to(place))] = (*about, content)
    return found


def _beginning_and_end(path: Path) -> bytes:
    """Return the bytes of a file, of a long one the first and the last: hostile ones have holes of 2**40 bytes."""
    with path.open("rb") as file:
        beginning = file.read(_PIECE)
        file.seek(max(file.tell(), path.stat().st_size - _PIECE))
        return beginning + file.read(_PIECE)


def edit(store: Path, *statements: str) -> None:
    """Change the catalog without the checks of its tables."""
    with closing(sqlite3.connect(store / "artstore.db", isolation_level=None)) as connection:
        connection.execute("pragma ignore_check_constraints = on")
        connection.execute("pragma foreign_keys = off")
        for statement in statements:
            connection.execute(statement)


def _sql(*statements: str) -> Callable[[Path], None]:
    return lambda store: edit(store, *statements)


def _instead(name: str, make: Callable[[Path, Path], None]) -> Callable[[Path], None]:
    """Replace a part of a store by something else, made from its path and that of the bait."""

    def change(store: Path) -> None:
        paths = sorted(store.glob(name)) or [store / name]
        for path in paths:
            kept = store.parent / f"kept-{path.name}"
            if path.exists():
                shutil.move(path, kept)
            make(path, kept if kept.exists() else store.parent / BAIT)

    return change


def _link(path: Path, target: Path) -> None:
    path.symlink_to(target)


def _link_to_bait(path: Path, _: Path) -> None:
    path.symlink_to(path.parents[1 if path.suffix == ".db" else 2] / BAIT)


def _fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


def _at_lock(statement: str, make: Callable[[Path, Path], None]) -> Callable[[Path], None]:
    """Insert a row that names a process lock, and make something else under the name of its file."""

    def change(store: Path) -> None:
        (store / "locks").mkdir(exist_ok=True)
        make(store / "locks" / f"{SESSION}.lock", store.parent / BAIT)
        edit(store, statement)

    return change


def _running(session: str) -> str:
    return (
        "insert into runs (uid, project, name, state, session, started_at) "
        f"select 'evil', id, 'evil', 'running', '{session}', '2026-01-01T00:00:00.000000Z' from projects limit 1"
    )


_LEASE = (
    f"insert into leases (session, purpose, created_at) values ('{SESSION}', 'evil', '2026-01-01T00:00:00.000000Z')"
)
_AS_VIEW = "alter table {0} rename to kept_{0}", f"create view {{0}} as {ENDLESS}"

HOSTILE: dict[str, Callable[[Path], None]] = {
    "pack name is a path": _sql(f"update packs set name = '../../{BAIT}'"),
    "pack name is absolute": _sql("update packs set name = '/etc/passwd'"),
    "pack name is empty": _sql("update packs set name = ''"),
    "pack is a link": _instead("packs/*.pack", _link),
    "pack is a link to a file outside": _instead("packs/*.pack", _link_to_bait),
    "pack is a FIFO": _instead("packs/*.pack", _fifo),
    "packs is a link": _instead("packs", _link),
    "packs is a FIFO": _instead("packs", _fifo),
    "locks is a link": _instead("locks", _link),
    "turn.lock is a link": _instead("locks/turn.lock", _link_to_bait),
    "turn.lock is a FIFO": _instead("locks/turn.lock", _fifo),
    "clock is a link": _instead("locks/clock", _link_to_bait),
    "clock is a FIFO": _instead("locks/clock", _fifo),
    "catalog is a link": _instead("artstore.db", _link),
    "journal is a link": _instead("artstore.db-wal", _link_to_bait),
    "journal is a FIFO": _instead("artstore.db-wal", _fifo),
    "process lock is a path": _sql(_running(f"../../{BAIT}")),
    "lock of a run is a link": _at_lock(_running(SESSION), _link_to_bait),
    "lock of a run is a FIFO": _at_lock(_running(SESSION), _fifo),
    "lock of a lease is a link": _at_lock(_LEASE, _link_to_bait),
    "lock of a lease is a FIFO": _at_lock(_LEASE, _fifo),
    "collection name leads up": _sql("update collections set name = '../../../escaped'"),
    "project name leads up": _sql("update projects set name = '../../escaped'"),
    "entry path leads up": _sql("update entries set path = '../../escaped' where path = 'dog'"),
    "entry path is absolute": _sql("update entries set path = '/tmp/escaped' where path = 'dog'"),
    "endless trigger": _sql(f"create trigger evil after insert on events begin {ENDLESS}; end"),
    "trigger that deletes": _sql("create trigger evil after update on versions begin delete from chunks; end"),
    "versions is an endless view": _sql(*(part.format("versions") for part in _AS_VIEW)),
    "store is an endless view": _sql(*(part.format("store") for part in _AS_VIEW)),
    "virtual table": _sql("drop table stat_cache", "create virtual table stat_cache using fts5(a)"),
    "missing table": _sql("drop table history"),
    "foreign column": _sql("alter table chunks rename column length to size_of_it"),
    "chunk of 2**40 bytes": _sql("update chunks set length = 1 << 40"),
    "chunk of -1 bytes": _sql("update chunks set length = -1"),
    "chunk at 2**62": _sql("update chunks set offset = 1 << 62"),
    "file of 2**40 bytes": _sql("update files set size = 1 << 40"),
    "pack end at 2**62": _sql('update packs set "end" = 1 << 62'),
    "chunks of one file: 2**40": _sql("update file_chunks set count = 1 << 40"),
    "metadata of 5,000 levels": _sql(f"update versions set metadata = '{DEEP}'"),
    "event of 5,000 levels": _sql(f"update events set detail = '{DEEP}'"),
    "prefixes of 5,000 levels": _sql(f"update versions set prefixes = '{DEEP}'"),
    "ttl of 2**62": _sql("update versions set ttl = 1 << 62"),
    "value of 300 MB": _sql("update versions set description = hex(zeroblob(150000000))"),
}

_PACK = r"packs/[0-9a-f]{16}\.pack is a link or not a regular file"
_PART = "{} is a link or of another kind"
_LOCK = "locks/{} is a link or not a regular file"
NAMED = {
    "pack name is a path": rf"packs row 1: name is not 16 hexadecimal digits in lower case: '\.\./\.\./{BAIT}'",
    "pack name is absolute": "packs row 1: name is not 16 hexadecimal digits in lower case: '/etc/passwd'",
    "pack name is empty": "packs row 1: name is not 16 hexadecimal digits in lower case: ''",
    "pack is a link": _PACK,
    "pack is a link to a file outside": _PACK,
    "pack is a FIFO": _PACK,
    "packs is a link": _PART.format("store/packs"),
    "packs is a FIFO": _PART.format("store/packs"),
    "locks is a link": _PART.format("store/locks"),
    "turn.lock is a link": _LOCK.format("turn.lock"),
    "turn.lock is a FIFO": _LOCK.format("turn.lock"),
    "clock is a link": _LOCK.format("clock"),
    "clock is a FIFO": _LOCK.format("clock"),
    "catalog is a link": _PART.format("store/artstore.db"),
    "journal is a link": _PART.format("store/artstore.db-wal"),
    "journal is a FIFO": _PART.format("store/artstore.db-wal"),
    "process lock is a path": rf"runs row 1: session is not 16 hexadecimal digits in lower case: '\.\./\.\./{BAIT}'",
    "lock of a run is a link": _LOCK.format(f"{SESSION}.lock"),
    "lock of a run is a FIFO": _LOCK.format(f"{SESSION}.lock"),
    "lock of a lease is a link": _LOCK.format(f"{SESSION}.lock"),
    "lock of a lease is a FIFO": _LOCK.format(f"{SESSION}.lock"),
    "collection name leads up": r"collections row 1: name is not one that artstore gives: '\.\./\.\./\.\./escaped'",
    "project name leads up": r"projects row 1: name is not one that artstore gives: '\.\./\.\./escaped'",
    "entry path leads up": r"entries row 1, \.\./\.\./escaped: path is not one that artstore gives",
    "entry path is absolute": "entries row 1, /tmp/escaped: path is not one that artstore gives",
    "endless trigger": "sqlite_schema has the trigger 'evil'",
    "trigger that deletes": "sqlite_schema has the trigger 'evil'",
    "versions is an endless view": "sqlite_schema has the view 'versions'",
    "store is an endless view": "sqlite_schema has the view 'store'",
    "virtual table": "sqlite_schema: the table 'stat_cache' is not the one",
    "missing table": "sqlite_schema lacks the table 'history'",
    "foreign column": "sqlite_schema: the table 'chunks' is not the one",
    "chunk of 2**40 bytes": f"chunks row 1: length is {1 << 40}",
    "chunk of -1 bytes": "chunks row 1: length is -1",
    "chunk at 2**62": f"chunks row 1: offset is {1 << 62}",
    "file of 2**40 bytes": "files row 1: the chunks of file .* do not make it up",
    "pack end at 2**62": f"packs row 1: pack [0-9a-f]{{16}} ends at {1 << 62} there",
    "chunks of one file: 2**40": "file_chunks row 1, 0: breaks the rule count between 1 and 256",
    "metadata of 5,000 levels": "versions row 1: metadata is JSON with too many levels",
    "event of 5,000 levels": "events row 1: detail is JSON with too many levels",
    "prefixes of 5,000 levels": "versions row 1: prefixes is JSON with too many levels",
    "ttl of 2**62": f"versions row 1: ttl is not a duration in seconds: {1 << 62}",
    "value of 300 MB": "versions row 1: cannot be read",
}
"""What a verb that fails has to print for each kind, as a pattern: the row, the file or the object of the schema."""
_AT_OPENING = [
    *("packs is a link", "packs is a FIFO", "locks is a link", "turn.lock is a link", "turn.lock is a FIFO"),
    *("catalog is a link", "journal is a link", "journal is a FIFO", "endless trigger", "trigger that deletes"),
    *("versions is an endless view", "store is an endless view", "virtual table", "missing table", "foreign column"),
]
REFUSED_BY = {
    **dict.fromkeys(_AT_OPENING, VERBS),
    "lock of a run is a link": [["runs"], ["gc"]],
    "lock of a run is a FIFO": [["runs"], ["gc"]],
    "lock of a lease is a link": [["gc"], ["rm", "animals:v0", "--yes"]],
    "lock of a lease is a FIFO": [["gc"], ["rm", "animals:v0", "--yes"]],
}
"""The verbs that must refuse a kind and name it: all of them if it is seen when the store is opened."""
ODD_NAMES = {
    "15 digits": "0123456789abcde",
    "17 digits": "0123456789abcdef0",
    "upper case": "0123456789ABCDEF",
    "a dot": "01234567.9abcdef",
    "two dots": "..",
    "a line after it": "0123456789abcdef\n",
    "NUL after it": "0123456789abcdef\0",
    "a line within": "01234567\n9abcdef",
    "a minus": "-123456789abcdef",
    "digits of another script": "\u0661" * 16,
    "an escape sequence": "\x1b[2J56789abcdef",
}
"""Names that are not as artstore makes those of packs and process locks."""
