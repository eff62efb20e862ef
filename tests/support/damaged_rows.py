"""Damage rows of a catalog, as another program would by SQL, or a disk: a byte wherever a word stands."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

EDITS = {
    "description": "update versions set description = 'another' where id = 1",
    "metadata": """update versions set metadata = '{"i": 7}' where id = 1""",
    "number": "update versions set number = 9 where id = 1",
    "ttl": "update versions set ttl = 1 where id = 1",
    "size": "update versions set size = size + 1 where id = 1",
    "created": "update versions set created_at = '2020' || substr(created_at, 5) where id = 1",
    "state": "update versions set state = 'committed' where state = 'deleted'",
    "alias": "update aliases set name = 'other' where name = 'alias1'",
    "alias moved": "update aliases set version = 1 where name = 'alias1'",
    "alias gone": "delete from aliases where name = 'alias1'",
    "alias added": "insert into aliases select collection, 'more', version from aliases where name = 'alias1'",
    "tag": "update tags set name = 'other' where version = 1",
    "next number": "update collections set next_number = 0 where name = 'animals'",
    "type": "update collections set type = 'model' where name = 'animals'",
    "project": "update projects set name = 'q' where name = 'p'",
    "link": "update links set version = 1 where number = 1",
    "link alias": "update link_aliases set link = 1",
    "config": """update runs set config = '{"lr": 9}' where uid = 'run1'""",
    "summary": """update runs set summary = '{"loss": 9}' where uid = 'run1'""",
    "notes": "update runs set notes = 'other' where uid = 'run1'",
    "run state": "update runs set state = 'failed' where uid = 'run1'",
    "history": """update history set data = '{"loss": 9}' where run = 1""",
    "lineage": "update uses set version = 1",
    "product": "delete from products where version = 1",
    "pending": "update pending set distributed_id = 'other' where distributed_id = 'night'",
    "pending entry": "update pending_entries set path = 'other'",
    "pending file": "update pending_entries set file = 2",
    "quarantine": "insert into quarantine values (1, '2026-01-01T00:00:00.000000Z')",
    "quarantined row": "insert into quarantined_rows values ('tags', 1, '2026-01-01T00:00:00.000000Z', '', '[]')",
    "store": "update store set created_at = '2020' || substr(created_at, 5)",
}
"""Edits of rows that have checksums, in the store of `tests.support.shelf.write`."""


def flip(folder: Path, word: bytes, index: int, mask: int) -> None:
    """Change one byte in every place where a word stands in the catalog."""
    data = bytearray((folder / "artstore.db").read_bytes())
    at = data.find(word)
    assert at >= 0
    while at >= 0:
        data[at + index] ^= mask
        at = data.find(word, at + 1)
    (folder / "artstore.db").write_bytes(data)


def flip_in(folder: Path, name: str, word: bytes) -> None:
    """Change the first byte of a word in the only page of a table or index, and leave its other copies."""
    with closing(sqlite3.connect(folder / "artstore.db")) as connection:
        [(page,)] = connection.execute("select rootpage from sqlite_schema where name = ?", (name,)).fetchall()
        [(size,)] = connection.execute("pragma page_size").fetchall()
    data = bytearray((folder / "artstore.db").read_bytes())
    data[data.index(word, (page - 1) * size, page * size)] ^= 1
    (folder / "artstore.db").write_bytes(data)
