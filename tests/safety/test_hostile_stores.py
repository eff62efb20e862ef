"""Stores that someone sends: nothing outside them is touched, nothing hangs, and what is wrong is named."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from artstore import Store
from artstore.catalog import schema
from tests.support.cli_runner import run
from tests.support.files import write_files
from tests.support.hostile_stores import BAIT, HOSTILE, NAMED, ODD_NAMES, REFUSED_BY, VERBS, outside

PROGRAM = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from click.testing import CliRunner
from artstore.cli import verbs
for verb in json.loads(sys.argv[2]):
    result = CliRunner().invoke(verbs, [*verb, "--store", sys.argv[1]], prog_name="artstore")
    error = result.exception
    foreign = None if error is None or isinstance(error, SystemExit) else f"{type(error).__name__}: {error}"
    print(json.dumps([verb, result.exit_code, foreign, result.output[-20_000:]]), flush=True)
"""


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
def test_a_hostile_store_is_named_and_harms_nothing(store: Path, tmp_path: Path, kind: str) -> None:
    HOSTILE[kind](store)
    own = (tmp_path / "out", tmp_path / "artifacts", store)
    before = outside(tmp_path, *own)
    assert f"sent/{BAIT}" in before
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
    failed = [output for _, code, _, output in answers if code == 2 or (code == 1 and "finding" in output)]
    assert any(re.search(NAMED[kind], output) for output in failed), f"{kind} was named by no verb: {failed}"
    refusing = [verb for verb, code, _, output in answers if code == 2 and re.search(NAMED[kind], output)]
    assert [verb for verb in REFUSED_BY.get(kind, []) if verb not in refusing] == [], f"{kind} is not refused by these"
    assert outside(tmp_path, *own) == before


def change(store: Path, statement: str, values: list[tuple[str, ...]]) -> None:
    with closing(sqlite3.connect(store / "artstore.db")) as connection, connection:
        connection.executemany(statement, values)


@pytest.mark.parametrize("kind", ODD_NAMES)
def test_a_name_that_no_pack_has_is_named(store: Path, tmp_path: Path, kind: str) -> None:
    name = ODD_NAMES[kind]
    change(store, "update packs set name = ?", [(name,)])
    before = outside(tmp_path, store, tmp_path / "out")
    verified = run("verify", "--store", str(store))
    assert verified.exit_code == 1, verified.output
    assert f"packs row 1: name is not 16 hexadecimal digits in lower case: {name!r}" in verified.output
    used = run("get", "animals:v0", "--root", str(tmp_path / "out"), "--store", str(store))
    assert (used.exit_code, repr(name) in used.output) == (2, True), used.output
    assert "\x1b[2J" not in verified.output + used.output
    assert outside(tmp_path, store, tmp_path / "out") == before


SESSIONS = {
    "runs": (
        "insert into runs (session, uid, project, name, state, started_at) "
        "select ?, ?, id, 'evil', 'running', '2026-01-01T00:00:00.000000Z' from projects limit 1",
        "runs",
    ),
    "leases": ("insert into leases (session, purpose, created_at) values (?, ?, '2026-01-01T00:00:00.000000Z')", "gc"),
}
"""How rows with names of process locks are added, and the verb that looks at the locks."""


@pytest.mark.parametrize("table", SESSIONS)
def test_names_that_no_process_lock_has_are_named(store: Path, tmp_path: Path, table: str) -> None:
    statement, verb = SESSIONS[table]
    change(store, statement, [(name, f"evil{i}") for i, name in enumerate(ODD_NAMES.values())])
    before = outside(tmp_path, store)
    verified = run("verify", "--store", str(store))
    assert verified.exit_code == 1, verified.output
    rule = "session is not 16 hexadecimal digits in lower case"
    named = re.findall(rf"^{table} row \d+: {rule}: (.*)$", verified.output, re.MULTILINE)
    assert sorted(named) == sorted(map(repr, ODD_NAMES.values()))
    used = run(verb, "--store", str(store))
    assert (used.exit_code, "the catalog names the process lock" in used.output) == (2, True), used.output
    assert outside(tmp_path, store) == before


def test_the_list_of_tables_is_that_of_the_migrations(tmp_path: Path) -> None:
    with Store.init(tmp_path / "store") as opened:
        rows = opened.sql("select name from sqlite_schema where type = 'table' and name not like 'sqlite%'")
    created = {str(row["name"]) for row in rows} - {"_sqlite_migrations"}
    assert created == schema.TABLES, "add the tables of a new migration to schema.TABLES"
