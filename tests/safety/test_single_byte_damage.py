"""One changed byte anywhere in the catalog or a pack: found or without effect, named, and never served by a read."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import artstore
from artstore.errors import ArtstoreError
from artstore.store import Store
from tests.support.shelf import write

REFUSED = "refused"
VERSIONS = ["p/animals:v0", "p/animals:v1", "p/animals:v2"]
NOT_COVERED = {"stat_cache", "stat_folders", "free", "pending_entries", "claims", "leases"} | {
    "quarantine",
    "_sqlite_migrations",
    "sqlite_sequence",
}
"""Tables of hints, of work in progress and of SQLite, whose rows no checksum covers."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "store"
    write(folder)
    with closing(sqlite3.connect(folder / "artstore.db")) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    for name in ("artstore.db-wal", "artstore.db-shm"):
        (folder / name).unlink(missing_ok=True)
    return folder


def attempt(read: Callable[[], Any]) -> Any:
    """Return what a read returns; errors that artstore does not raise on purpose come through."""
    try:
        return read()
    except ArtstoreError:
        return REFUSED


def content(store: Store) -> dict[str, Any]:
    """Read the files of all versions in every way."""
    seen = {}
    for name in VERSIONS:
        for path in ("small.bin", "large.bin"):

            def single(name: str = name, path: str = path) -> bytes:
                entry = store.entry(name, path)
                return b"".join(store.read(entry)) if entry is not None else b"not there"

            def download(name: str = name, path: str = path) -> bytes:
                with tempfile.TemporaryDirectory() as root:
                    store.get(name, root, path_prefix=path)
                    return Path(root, path).read_bytes()

            seen[f"{name} {path} read"] = attempt(single)
            seen[f"{name} {path} got"] = attempt(download)
    return seen


def facts(folder: Path, store: Store) -> dict[str, Any]:
    """Read what is known about versions and runs."""
    seen = {name: attempt(partial(store.version, name)) for name in VERSIONS}
    seen["log"] = attempt(lambda: [event.hash for event in store.events()])
    api = artstore.Api(store=str(folder))
    seen["runs"] = attempt(
        lambda: [(run.id, dict(run.config), dict(run.summary), run.notes, run.tags) for run in api.runs("p")]
    )
    return seen


def rows(folder: Path) -> dict[str, list[Any]]:
    """Return all rows of the tables that are covered, and the schema."""
    with closing(sqlite3.connect(folder / "artstore.db")) as connection:
        connection.text_factory = bytes
        tables = [
            name.decode() for (name,) in connection.execute("select name from sqlite_schema where type = 'table'")
        ]
        listed = {
            table: connection.execute(f'select * from "{table}"').fetchall()
            for table in tables
            if table not in NOT_COVERED
        }
        return {**listed, "schema": connection.execute("select type, name, sql from sqlite_schema").fetchall()}


def flip(folder: Path, draw: random.Random) -> str:
    """Change one bit of the catalog or a pack; return where."""
    path = draw.choice([folder / "artstore.db", *sorted((folder / "packs").iterdir())])
    offset, bit = draw.randrange(path.stat().st_size), 1 << draw.randrange(8)
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ bit]))
    return f"{path.name} at {offset}, bit {bit}"


def check(whole: Path, folder: Path, seed: int, expected: dict[str, Any], known: dict[str, Any], all_rows: Any) -> None:
    shutil.copytree(whole, folder)
    where = f"seed {seed}: {flip(folder, random.Random(seed))}"
    try:
        with Store.open(folder) as store:
            seen, told = content(store), facts(folder, store)
            findings = store.verify().findings
    except ArtstoreError as error:
        assert str(error), where
        return
    except Exception as error:
        raise AssertionError(f"{where}: {error!r}") from error
    for what, value in seen.items():
        assert value in (REFUSED, expected[what]), f"{where}: {what} is wrong"
    if findings:
        assert all(finding.what for finding in findings)
        return
    assert seen == expected, f"{where}: refused, and not found by verify"
    assert told == known, f"{where}: a fact is another one, and verify does not find it"
    for table, listed in rows(folder).items():
        assert listed == all_rows.get(table), f"{where}: rows of {table} changed, and verify does not find it"


def check_many(whole: Path, scratch: Path, seeds: range) -> None:
    pristine = shutil.copytree(whole, scratch / "pristine")
    with Store.open(pristine) as store:
        expected, known = content(store), facts(pristine, store)
        assert store.verify().findings == []
    assert REFUSED not in expected.values()
    all_rows, failures = rows(pristine), []
    for seed in seeds:
        folder = scratch / f"flip-{seed}"
        try:
            check(whole, folder, seed, expected, known, all_rows)
        except AssertionError as error:
            failures.append(str(error).splitlines()[0])
        shutil.rmtree(folder)
    assert failures == [], json.dumps(failures, indent=1)


def test_a_sample(whole: Path, tmp_path: Path) -> None:
    check_many(whole, tmp_path, range(40))


@pytest.mark.torture
def test_ten_thousand(whole: Path, tmp_path: Path) -> None:
    check_many(whole, tmp_path, range(1_000, 11_000))
