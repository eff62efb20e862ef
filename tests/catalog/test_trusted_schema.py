"""The schema of a store is not trusted before it was compared with that of artstore."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from artstore.catalog.connection import FILE, connect, connect_for_reading
from artstore.errors import Damaged
from artstore.store import Store


def is_trusted(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("pragma trusted_schema").fetchone()[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Store.init(tmp_path / "store").close()
    return tmp_path / "store"


def test_a_new_connection_does_not_trust_the_schema(folder: Path) -> None:
    with closing(connect(folder / FILE)) as writing, closing(connect_for_reading(folder)) as reading:
        assert not is_trusted(writing)
        assert not is_trusted(reading)


def test_json_is_still_checked(folder: Path) -> None:
    with Store.open(folder) as store:
        draft = store.draft("animals", "dataset", metadata={"kept": True})
        store.add_bytes(draft, b"meow", "cat")
        store.commit(draft)
        with pytest.raises(Damaged, match="CHECK constraint"), store.db.writing() as connection:
            connection.execute("update versions set metadata = 'no JSON'")
        assert store.version("animals:v0").metadata == {"kept": True}
