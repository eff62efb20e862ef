"""Compare the schema of a store with that of the migrations before anything else is read: someone may have sent it.

A trigger of a foreign schema would run when artstore writes, and a view in the place of a table when it reads. The
comparison is one of hashes, so that opening a store needs neither the migrations nor sqlite-utils, which takes 70 ms to
import. A store that ran migrations of a newer artstore has objects that are not known here: those that no artstore
creates are refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from hashlib import blake2b
from types import MappingProxyType
from typing import TypeAlias

from artstore.errors import Damaged

SCHEMAS: Mapping[str, str] = MappingProxyType(
    {
        "m001_store": "10c46b14bf38217991bd1aa9d8619059",
        "m002_content": "3e739640f8b1e2e57d47cbcf7999e4f2",
        "m003_manifests": "1edc77a34335cf5bc34f2ebc7e90903a",
        "m004_versions": "ae3db99673af253500e401c56627d0e0",
        "m005_leases": "90f74f70dc6dcf01e4f27c2ea0c9ebf9",
        "m006_stat_cache": "94ed896923653f7f3fd759b0b31768c0",
        "m007_views": "bb2bb52841fbd073de5b3157b73088fc",
        "m008_runs": "9c10aa668a4cb32b2f0c9fcf57a4333c",
        "m009_links": "67d1a455382d3f3809df349faf2555d6",
        "m010_prefixes": "39f3733ef84b3b46f475a8a32901cf79",
        "m011_compression": "6824c6ea838d0ba59facba8c9b9e8d5f",
        "m012_pending": "95dbc51eacb536b18570509d1ccd5d68",
        "m013_protected_aliases": "6ee301e878365ad35d347396c1251d92",
        "m014_row_checksums": "6fbe75966f412aba7d43d2c421d22e2c",
        "m015_quarantine": "58b7223bdf78d63c131a69e535397a53",
        "m016_more_views": "420a72633f2eeadd1244e447bf9e9aae",
        "m017_run_files": "33404eb3e4679c26e9889c8597134c2f",
        "m018_registries": "13566b8880c7978ee501d41ec9635889",
        "m019_preempting": "c156cc4ea5a38902d789215aa3794fce",
        "m020_stat_blocks": "147ccb912b8ff76a14f1065ff46f87bb",
        "m021_living_links": "7c224ae1590d20823d3705a3f72783e0",
        "m022_quarantined_rows": "afeffc91a1cff262f0b60667baece055",
    }
)
"""The hash of the schema after each migration, in their order. A released one never changes."""
_MIGRATIONS = b"_sqlite_migrations"
"""The table in which sqlite-utils records the migrations, in its own words."""
_STATISTICS = frozenset({b"sqlite_stat1", b"sqlite_stat4"})
"""The tables that `analyze` makes."""
_Object: TypeAlias = tuple[bytes, bytes, bytes, bytes | None]
"""A row of `sqlite_schema`: type, name, table and SQL. As bytes, because damaged text cannot be decoded."""


def check(connection: sqlite3.Connection) -> bool:
    """Return whether a store has run all migrations.

    Raises `Damaged`, which names the object, if its schema is not that of the migrations it has run.
    """
    # Both queries must see the same state: another process may be migrating the store.
    connection.execute("begin")
    try:
        objects = _objects(connection)
        names = _applied(connection, objects)
    finally:
        connection.execute("rollback")
    known = list(SCHEMAS)
    newer = {name for name in names if name[:1] == "m" and name[1:4].isdecimal() and int(name[1:4]) > len(known)}
    applied = known[: len(names - newer)]
    if not applied or set(applied) != names - newer or (newer and len(applied) < len(known)):
        raise _unknown_migration(names - newer, known)
    if newer:
        _check_newer(objects)
    elif _hash(objects) != SCHEMAS[applied[-1]]:
        _check_each(objects, len(applied))
    return len(applied) == len(known)


def _objects(connection: sqlite3.Connection) -> list[_Object]:
    return connection.execute(
        "select cast(type as blob), cast(name as blob), cast(tbl_name as blob), cast(sql as blob) from sqlite_schema"
    ).fetchall()


def _applied(connection: sqlite3.Connection, objects: Iterable[_Object]) -> set[str]:
    """Return the names of the migrations that a store has run."""
    if not any(kind == b"table" and name == _MIGRATIONS for kind, name, _, _ in objects):
        raise _missing("table", _MIGRATIONS)
    query = "select cast(name as blob) from _sqlite_migrations where migration_set = 'artstore'"
    return {bytes(name or b"").decode(errors="backslashreplace") for (name,) in connection.execute(query)}


def hash_of(connection: sqlite3.Connection) -> str:
    """Return the hash of the schema of a catalog: of all that artstore itself creates, with the SQL of each."""
    return _hash(_objects(connection))


def _hash(objects: Iterable[_Object]) -> str:
    hasher = blake2b(digest_size=16)
    for listed in sorted(map(repr, _own(objects))):
        hasher.update(listed.encode() + b"\n")
    return hasher.hexdigest()


def _own(objects: Iterable[_Object]) -> list[_Object]:
    """Leave out what SQLite and sqlite-utils create in their own words."""
    return [
        (kind, name, table, sql)
        for kind, name, table, sql in objects
        if not (kind == b"table" and name in _STATISTICS)
        and not (table == _MIGRATIONS and (kind == b"index" or (kind == b"table" and not _is_virtual(sql))))
    ]


def _is_virtual(sql: bytes | None) -> bool:
    return sql is None or not sql[:13].lower().startswith(b"create table ")


def _check_each(objects: Iterable[_Object], migrations_run: int) -> None:
    """Raise `Damaged` for the first object that is foreign, missing or another one than some migrations make."""
    # Late: only a schema that is not the right one needs them.
    from sqlite_utils import Database

    from artstore.catalog import schema

    following = list(SCHEMAS)[migrations_run:][:1]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
        schema.migrations.apply(Database(empty), stop_before=following)
        expected = {(kind, name): (table, sql) for kind, name, table, sql in _own(_objects(empty))}
    actual = {(kind, name): (table, sql) for kind, name, table, sql in _own(objects)}
    wrong = [key for key, found in actual.items() if found != expected.get(key)]
    # What runs code is named first, and indexes last: those of a renamed table cannot be dropped by themselves.
    wrong.sort(key=lambda key: (not _runs_code(key[0], actual[key][1]), key in expected, key[0] == b"index", key))
    for kind, name in wrong[:1]:
        raise _another(_text(kind), name) if (kind, name) in expected else _foreign(_text(kind), name)
    for kind, name in sorted(expected.keys() - actual.keys(), key=lambda key: (key[0] == b"index", key)):
        raise _missing(_text(kind), name)


def _runs_code(kind: bytes, sql: bytes | None) -> bool:
    return kind in (b"trigger", b"view") or (kind == b"table" and _is_virtual(sql))


def _check_newer(objects: Iterable[_Object]) -> None:
    from artstore.catalog import schema  # late, as above

    tables = set()
    for kind, name, _, sql in _own(objects):
        is_view = kind == b"view" and name.startswith(b"artifact_") and _text(name) not in schema.TABLES
        if not (is_view or kind == b"index" or (kind == b"table" and not _is_virtual(sql))):
            raise _foreign(_text(kind), name)
        if kind == b"table":
            tables.add(_text(name))
    for table in sorted(schema.TABLES - tables):
        raise _missing("table", table.encode())


def _text(name: bytes) -> str:
    return name.decode(errors="backslashreplace")


def _missing(kind: str, name: bytes) -> Damaged:
    return Damaged(
        f"sqlite_schema lacks the {kind} {_text(name)!r}: restore the catalog from a backup with `artstore restore`"
    )


def _another(kind: str, name: bytes) -> Damaged:
    return Damaged(
        f"sqlite_schema: the {kind} {_text(name)!r} is not the one that artstore makes: restore the catalog from a "
        "backup with `artstore restore`, and do not use a store that you do not trust"
    )


def _foreign(kind: str, name: bytes) -> Damaged:
    return Damaged(
        f"sqlite_schema has the {kind} {_text(name)!r}, which artstore does not create: if it is yours, drop it with "
        f"`drop {kind}` in the program that made it; do not use a store that you do not trust"
    )


def _unknown_migration(names: set[str], known: list[str]) -> Damaged:
    wrong = next(iter(sorted(names - set(known))), None)
    which = f"names {wrong!r}, which is none" if wrong is not None else "leaves some out"
    return Damaged(
        f"_sqlite_migrations lists the migrations of the catalog, and {which}: restore the catalog from a backup with "
        "`artstore restore`"
    )
