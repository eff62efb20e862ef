"""One changed byte anywhere in the catalog or a pack: found and named, or without effect, and never served by a read.

Nothing here is artstore's own but what a program calls: what is right was read from the store before it was damaged.
"""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import artstore
from artstore.errors import ArtstoreError
from artstore.store import Store
from tests.support.figures import Figures, Record
from tests.support.shelf import write

REFUSED = "refused"
VERSIONS = ["p/animals:v0", "p/animals:v1", "p/animals:v2"]
NOT_COVERED = {
    "stat_blocks",
    "stat_cache",
    "stat_folders",
    "free",
    "claims",
    "leases",
    "_sqlite_migrations",
    "sqlite_sequence",
}
"""Tables of hints, of work in progress and of SQLite, whose rows no checksum covers."""
NAMED = re.compile(
    r"\b\w+ rows? |rows of \w+ are held by nothing|chunk \w+:\w+ |pack [0-9a-f]{16}|packs row|event \d+|versions row|"
    r"sqlite_schema|_sqlite_migrations lists|of p/\w+:v\d|file \w+:\w+|"
    # In SQLite's words, where rows are no longer in order.
    r"PRIMARY KEY order for \w+"
)
"""What names the place of damage: a table and its row, a chunk in a pack, or an event."""
OF_SQLITE = re.compile(r"SQLite: |artstore\.db( is (damaged|not a catalog|a database)|: )")
"""What names a part of the file itself: enough where no value of a row was changed."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "store"
    write(folder)
    with artstore.init("p", id="tables", store=str(folder), config={"lr": 1}) as run:
        artifact = artstore.Artifact("scores", type="dataset")
        artifact.add(artstore.Table(columns=["name", "score"], data=[["cat", 0.5], ["dog", 0.25]]), "scores")
        artifact.add_reference(artstore.Api(store=str(folder)).artifact("p/animals:v0"))
        run.log_artifact(artifact).wait()
        run.use_artifact("animals:v2")
        run.log({"loss": 0.5})
        run.log({"loss": 0.25, "table": artstore.Table(columns=["a"], data=[[1]])})
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


def below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def content(folder: Path, store: Store) -> dict[str, Any]:
    """Read the files of all versions in every way."""
    seen = {}
    api = artstore.Api(store=str(folder))
    for name in VERSIONS:
        for path in ("small.bin", "large.bin"):

            def single(name: str = name, path: str = path) -> bytes:
                entry = store.entry(name, path)
                return b"".join(store.read(entry)) if entry is not None else b"not there"

            def fetched(name: str = name, path: str = path) -> bytes:
                with tempfile.TemporaryDirectory() as root:
                    return Path(api.artifact(name).get_entry(path).download(root)).read_bytes()

            seen[f"{name} {path} read"] = attempt(single)
            seen[f"{name} {path} fetched"] = attempt(fetched)

        def got(name: str = name) -> dict[str, bytes]:
            with tempfile.TemporaryDirectory() as root:
                store.get(name, Path(root, "out"))
                return below(Path(root, "out"))

        def downloaded(name: str = name) -> bytes:
            with tempfile.TemporaryDirectory() as root:
                api.artifact(name).download(root, path_prefix="large.bin")
                return Path(root, "large.bin").read_bytes()

        seen[f"{name} downloaded"] = attempt(downloaded)
        seen[f"{name} listed"] = attempt(partial(listed, store, name))
    seen["whole version"] = attempt(partial(whole_version, store))
    seen["table"] = attempt(lambda: api.artifact("p/scores:v0").get("scores").data)
    seen["get_table"] = attempt(lambda: api.artifact("p/scores:v0").get_table("scores").get_dataframe().to_dict())
    api.store.close()
    return seen


def listed(store: Store, name: str) -> list[Any]:
    return list(store.entries(name))


def whole_version(store: Store) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as root:
        store.get("p/scores:v0", Path(root, "out"))
        return below(Path(root, "out"))


def facts(folder: Path, store: Store) -> dict[str, Any]:
    """Read what is known about versions and runs."""
    api = artstore.Api(store=str(folder))
    seen = {
        name: attempt(partial(store.version, name)) for name in [*VERSIONS, "p/scores:latest", "p/portfolio:linked"]
    }
    seen["log"] = attempt(lambda: [event.hash for event in store.events()])
    seen["runs"] = attempt(
        lambda: [
            (run.id, run.state, dict(run.config), dict(run.summary), run.notes, run.tags, list(run.scan_history()))
            for run in api.runs("p")
        ]
    )
    seen["edges"] = attempt(
        lambda: [
            (run.id, [a.name for a in run.used_artifacts()], [a.name for a in run.logged_artifacts()])
            for run in api.runs("p")
        ]
    )
    seen["lineage"] = attempt(lambda: store.lineage("p/scores:v0").to_json())
    seen["names"] = attempt(lambda: [(c.name, c.type) for c in store.collections()])
    seen["pending"] = attempt(lambda: [(p.collection, p.entries, p.size) for p in store.pending()])
    api.store.close()
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


def varint(page: bytes, at: int) -> tuple[int, int]:
    """Return a number as SQLite writes it, of up to three bytes, and where it ends."""
    value = 0
    for i in range(at, at + 3):
        value = value << 7 | page[i] & 0x7F
        if page[i] < 0x80:
            return value, i + 1
    return value, at + 3


def values_of_rows(catalog: Path) -> set[int]:
    """Return where in a catalog the values of covered rows are; rows that continue on another page are left out."""
    with closing(sqlite3.connect(catalog)) as connection:
        tables = {name for (name,) in connection.execute("select name from sqlite_schema where type = 'table'")}
        pages = connection.execute("select name, pgoffset, pgsize from dbstat where pagetype = 'leaf'").fetchall()
    content, places = catalog.read_bytes(), set[int]()
    for table, start, size in pages:
        if table not in tables - NOT_COVERED:
            continue
        page = content[start : start + size]
        for i in range(int.from_bytes(page[3:5])):
            length, at = varint(page, int.from_bytes(page[8 + 2 * i : 10 + 2 * i]))
            # A table without rowid is an index to SQLite: its cells have no number.
            at = varint(page, at)[1] if page[0] == 0x0D else at
            if length < size // 5:
                places.update(range(start + at + varint(page, at)[0], start + at + length))
    return places


def flip(folder: Path, draw: random.Random) -> tuple[Path, int, int]:
    """Change one bit of the catalog or a pack; return the file, the byte and the bit."""
    path = draw.choice([folder / "artstore.db", *sorted((folder / "packs").iterdir())])
    offset, bit = draw.randrange(path.stat().st_size), 1 << draw.randrange(8)
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ bit]))
    return path, offset, bit


class Known(NamedTuple):
    """What a store holds before it is damaged."""

    content: dict[str, Any]
    facts: dict[str, Any]
    rows: dict[str, list[Any]]
    values: set[int]


def named(whats: list[str], *, has_row: bool) -> bool:
    """Whether each message names something, and one of them more than a part of the file if a row was damaged."""
    if has_row and not any(NAMED.search(what) for what in whats):
        return False
    return all(NAMED.search(what) or OF_SQLITE.search(what) for what in whats)


def check(whole: Path, folder: Path, seed: int, known: Known) -> str:
    """Damage a copy of a store and read all of it; return what came of it."""
    shutil.copytree(whole, folder)
    path, offset, bit = flip(folder, random.Random(seed))
    has_row = path.suffix == ".pack" or offset in known.values
    where = f"seed {seed}: {path.name} at {offset}, bit {bit}{', in a row' if has_row else ''}"
    try:
        with Store.open(folder) as store:
            seen, told = content(folder, store), facts(folder, store)
            findings = [finding.what for finding in store.verify().findings]
    except ArtstoreError as error:
        assert named([str(error)], has_row=has_row), f"{where}: does not name what is damaged: {error}"
        return "not opened"
    except Exception as error:
        raise AssertionError(f"{where}: {error!r}") from error
    for what, value in seen.items():
        assert value in (REFUSED, known.content[what]), f"{where}: {what} is wrong"
    if findings:
        assert named(findings, has_row=has_row), f"{where}: does not name what is damaged: {findings}"
        return "named as a row, chunk or pack" if any(map(NAMED.search, findings)) else "named as a part of the file"
    assert seen == known.content, f"{where}: refused, and not found by verify"
    assert told == known.facts, f"{where}: a fact is another one, and verify does not find it"
    for table, listed in rows(folder).items():
        assert listed == known.rows.get(table), f"{where}: rows of {table} changed, and verify does not find it"
    return "without effect"


def check_many(whole: Path, scratch: Path, seeds: range) -> Figures:
    pristine = shutil.copytree(whole, scratch / "pristine")
    with Store.open(pristine) as store:
        seen, told = content(pristine, store), facts(pristine, store)
        assert store.verify().findings == []
    assert REFUSED not in [*seen.values(), *told.values()]
    known, figures = Known(seen, told, rows(pristine), values_of_rows(whole / "artstore.db")), Figures()
    for seed in seeds:
        folder = scratch / f"flip-{seed}"
        try:
            figures.count(check(whole, folder, seed, known))
        except AssertionError as error:
            figures.fail(f"seed {seed}", error)
        shutil.rmtree(folder)
    return figures


def test_a_sample(whole: Path, tmp_path: Path, record_property: Record) -> None:
    check_many(whole, tmp_path, range(20)).report(record_property, "single damaged bytes")


@pytest.mark.torture
@pytest.mark.parametrize("first", range(1_000, 11_000, 1_000))
def test_ten_thousand(first: int, whole: Path, tmp_path: Path, record_property: Record) -> None:
    figures = check_many(whole, tmp_path, range(first, first + 1_000))
    figures.report(record_property, f"single damaged bytes from {first}")
    assert figures.tried["named as a row, chunk or pack"] > 200
    assert figures.tried.get("named as a part of the file", 0) < 20
