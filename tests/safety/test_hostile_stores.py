"""Stores that someone sends: nothing outside them is touched, nothing hangs, and what is wrong is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from artstore import Store
from artstore.catalog import schema
from tests.support.files import write_files
from tests.support.hostile_stores import BAIT, HOSTILE, VERBS

PROGRAM = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from click.testing import CliRunner
from artstore.cli import verbs
for verb in json.loads(sys.argv[2]):
    result = CliRunner().invoke(verbs, [*verb, "--store", sys.argv[1]], prog_name="artstore")
    error = result.exception
    foreign = None if error is None or isinstance(error, SystemExit) else f"{type(error).__name__}: {error}"
    print(json.dumps([verb, result.exit_code, foreign, result.output[-2000:]]), flush=True)
"""
HARMLESS = {"locks is a link", "pack end at 2**62"}
"""Nothing has to be named here, as long as nothing bad happens."""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A closed store of two versions, beside a file that must not be touched."""
    folder = tmp_path / "sent" / "store"
    with Store.init(folder) as opened:
        for i in range(2):
            draft = opened.draft("animals", "dataset", metadata={"i": i})
            opened.add_dir(draft, write_files(tmp_path / "source", {"cat": b"meow" * (i + 1), "dog": b"x" * 200_000}))
            opened.commit(draft)
    (tmp_path / "sent" / BAIT).write_bytes(b"artstore-pack-1\nbait")
    (tmp_path / "sent" / BAIT).chmod(0o600)
    return folder


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_store_harms_nothing(store: Path, tmp_path: Path, kind: str) -> None:
    HOSTILE[kind](store)
    bait = tmp_path / "sent" / BAIT
    before, was = set(tmp_path.rglob("*")), bait.stat()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(store), json.dumps(VERBS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(VERBS), f"{kind}: {done.stderr[-2000:]}"
    assert [(verb, foreign) for verb, _, foreign, _ in answers if foreign] == []
    named = [output for _, code, _, output in answers if code == 2 or (code == 1 and "finding" in output)]
    assert named or kind in HARMLESS, f"{kind} was noticed by no verb: {answers}"
    new = {path for path in set(tmp_path.rglob("*")) - before if path.is_file()}
    allowed = [tmp_path / "out", tmp_path / "artifacts", store, tmp_path / "sent" / "kept-packs"]
    assert [path for path in new if not any(path.is_relative_to(place) for place in allowed)] == []
    status = bait.stat()
    assert bait.read_bytes() == b"artstore-pack-1\nbait"
    assert (status.st_mtime_ns, status.st_mode, status.st_ino) == (was.st_mtime_ns, was.st_mode, was.st_ino)


def test_the_list_of_tables_is_that_of_the_migrations(tmp_path: Path) -> None:
    with Store.init(tmp_path / "store") as opened:
        rows = opened.sql("select name from sqlite_schema where type = 'table' and name not like 'sqlite%'")
    created = {str(row["name"]) for row in rows} - {"_sqlite_migrations"}
    assert created == schema.TABLES, "add the tables of a new migration to schema.TABLES"
