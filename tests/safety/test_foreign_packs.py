"""Packs that this user may not write: a deletion is done, says so, and leaves the space to `gc`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from artstore import Store
from tests.support.files import noise, write_files
from tests.support.programs import WITHOUT_RIGHTS, run_script

SIZE = 300_000


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[Path]:
    """A store with three versions of their own packs; that of `animals:v1` may only be read."""
    with Store.init(tmp_path / "store") as store:
        for number in range(3):
            draft = store.draft("animals", "dataset")
            store.add_dir(draft, write_files(tmp_path / f"source{number}", {"cat": noise(SIZE, number)}))
            store.commit(draft)
            packs = {row["name"] for row in store.sql("select name from packs where sealed = 0")}
            # The next version goes into a pack of its own.
            store.db.connection.execute("update packs set sealed = 1")
            if number == 1:
                locked = [store.path / "packs" / f"{name}.pack" for name in packs]
    for pack in locked:
        pack.chmod(0o400)
    yield tmp_path / "store"
    for pack in locked:
        if pack.exists():
            pack.chmod(0o600)


def artstore(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*WITHOUT_RIGHTS, sys.executable, "-m", "artstore", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_rm_deletes_frees_what_it_can_and_leaves_the_rest_to_gc(foreign: Path) -> None:
    done = artstore("rm", "animals:v0", "animals:v1", "animals:v2", "--delete-aliases", "--yes", "--store", foreign)
    assert done.returncode == 1, done.stderr
    assert "deleted 3 versions" in done.stdout
    assert "not all space was freed" in done.stderr and ".pack" in done.stderr
    assert "then `artstore gc` frees it" in done.stderr
    assert len(list((foreign / "packs").iterdir())) == 1, "the packs that may be written are gone"
    again = artstore("gc", "--store", foreign)
    assert (again.returncode, "everything else was cleaned up" in again.stderr) == (2, True)
    (left,) = (foreign / "packs").iterdir()
    left.chmod(0o600)
    freed = artstore("gc", "--store", foreign, "--json")
    assert (freed.returncode, json.loads(freed.stdout)["disk_bytes"] >= SIZE) == (0, True)
    assert list((foreign / "packs").iterdir()) == []


def test_the_library_says_what_is_left(foreign: Path) -> None:
    program = f"""
import artstore
api = artstore.Api(store={str(foreign)!r})
api.artifact("animals:v1").delete()
print([version.name for version in api.store.versions("animals")])
result = api.store.delete("animals:v0")
print(result.left_to_gc is None, result.disk > 0)
"""
    done = run_script(program, prefix=WITHOUT_RIGHTS)
    assert "artstore: deleted, but not all space was freed: " in done.stderr
    names, last = done.stdout.splitlines()
    assert names == "['animals:v2', 'animals:v0']"
    assert last == "False True", "what is left is said again, and the rest is freed"
