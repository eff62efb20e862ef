"""Errors for folders that are not stores, or are newer, damaged, read-only, locked, moved or closed."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from artstore import ArtstoreError, Store
from artstore.catalog import connection as connections
from artstore.catalog.connection import FORMAT
from artstore.errors import Damaged, InvalidInput, NewerStore, NoStore, NotAStore, StoreBusy, StoreError
from tests.support.programs import run_python


def commit_cat(store: Store, content: str, name: str = "animals") -> str:
    source = store.path.parent / "source"
    source.mkdir(exist_ok=True)
    (source / "cat").write_text(content)
    draft = store.draft(name, "dataset")
    store.add_dir(draft, source)
    return store.commit(draft).name


def read_cat(store: Store, name: str) -> str:
    out = store.path.parent / "out" / name
    store.get(name, out)
    return (out / "cat").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed store with two versions in it."""
    with Store.init(tmp_path / "store") as store:
        commit_cat(store, "meow")
        commit_cat(store, "purr")
    return tmp_path / "store"


def open_descriptors(below: Path) -> list[str]:
    paths = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except FileNotFoundError:
            continue
        if target.startswith(f"{below}{os.sep}"):
            paths.append(target)
    return paths


# Not a store


def test_a_missing_folder_is_not_a_store(tmp_path: Path) -> None:
    with pytest.raises(NoStore, match=r"no store at .*nowhere: create one with `artstore init .*nowhere`") as caught:
        Store.open(tmp_path / "nowhere")
    assert isinstance(caught.value, FileNotFoundError)
    assert not (tmp_path / "nowhere").exists()


def test_an_empty_folder_is_not_a_store_until_init(tmp_path: Path) -> None:
    with pytest.raises(NoStore, match="artstore init"):
        Store.open(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with Store.init(tmp_path) as store:
        assert store.collections() == []


@pytest.mark.parametrize("verb", [Store.init, Store.open], ids=["init", "open"])
def test_a_file_is_not_a_store(tmp_path: Path, verb: Callable[[Path], Store]) -> None:
    (tmp_path / "model.pt").write_bytes(b"weights")
    with pytest.raises(StoreError, match=r"model\.pt"):
        verb(tmp_path / "model.pt")
    with pytest.raises(StoreError, match=r"model\.pt"):
        verb(tmp_path / "model.pt" / "store")
    assert (tmp_path / "model.pt").read_bytes() == b"weights"


def test_a_store_is_not_created_in_a_folder_with_other_files(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(NotAStore, match="holds something else: choose a new or empty folder"):
        Store.init(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_another_database_is_not_a_store(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "artstore.db") as connection:
        connection.execute("create table store (algorithm, uid)")
    connection.close()
    before = (tmp_path / "artstore.db").read_bytes()
    for verb in (Store.open, Store.init):
        with pytest.raises(NotAStore, match=r"artstore\.db is a database, but not a catalog of artstore"):
            verb(tmp_path)
    assert (tmp_path / "artstore.db").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"x", b"hello\n" * 5000, b"SQLite format 3\0" + b"\xff" * 5000], ids=len)
def test_a_file_that_is_not_a_database_is_not_a_store(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "artstore.db").write_bytes(content)
    for verb in (Store.open, Store.init):
        with pytest.raises((NotAStore, Damaged), match=r"artstore\.db"):
            verb(tmp_path)
    assert (tmp_path / "artstore.db").read_bytes() == content


# Damaged, newer


def use_catalog(folder: Path) -> list[str]:
    """Call everything that reads the catalog of a store; return the findings of verify, or raise."""
    with Store.open(folder) as store:
        for version in list(store.versions("animals")):
            store.get(version, folder.parent / "used" / version.name)
            list(store.entries(version))
        store.diff("animals:v0", "animals:v1")
        return [finding.what for finding in store.verify().findings]


def test_a_truncated_catalog_is_reported_as_damaged(folder: Path) -> None:
    whole = (folder / "artstore.db").read_bytes()
    assert not (folder / "artstore.db-wal").exists() and use_catalog(folder) == []
    for part in range(1, 16):
        (folder / "artstore.db").write_bytes(whole[: len(whole) * part // 16])
        with pytest.raises((Damaged, NotAStore), match=r"artstore\.db.*restore it from a backup"):
            use_catalog(folder)


@pytest.mark.parametrize("seed", range(12))
def test_a_catalog_with_garbage_is_reported_as_damaged(folder: Path, seed: int) -> None:
    """An error of SQLite about damage becomes an error that names the file, or a finding of `verify`."""
    damaged = bytearray((folder / "artstore.db").read_bytes())
    draw = random.Random(seed)
    page = draw.randrange(1, len(damaged) // 4096) * 4096
    damaged[page : page + 4096] = draw.randbytes(4096)
    (folder / "artstore.db").write_bytes(damaged)
    try:
        findings = use_catalog(folder)
    except ArtstoreError as error:
        assert str(folder) in str(error) or isinstance(error, Damaged)
    else:
        assert findings


def test_a_store_of_a_newer_artstore_is_not_changed(folder: Path) -> None:
    connection = sqlite3.connect(folder / "artstore.db")
    newer = FORMAT + 1
    connection.execute(f"pragma user_version = {newer}")
    connection.close()
    before = (folder / "artstore.db").read_bytes()
    for verb in (Store.open, Store.init):
        with pytest.raises(NewerStore, match=rf"written by a newer artstore \(format {newer}.*pip install -U artstore"):
            verb(folder)
    assert (folder / "artstore.db").read_bytes() == before


@pytest.mark.parametrize("missing", ["packs", "locks"])
def test_a_store_without_one_of_its_folders(folder: Path, missing: str) -> None:
    shutil.rmtree(folder / missing)
    with Store.open(folder) as store:
        if missing == "locks":
            assert read_cat(store, "animals:v0") == "meow"
            commit_cat(store, "hiss")
            return
        with pytest.raises(Damaged, match="restore the pack from a backup"):
            read_cat(store, "animals:v0")
        assert store.verify().harmed == ["uncategorized/animals:v0", "uncategorized/animals:v1"]


def write_garbage(folder: Path) -> None:
    (folder / "artstore.db").write_bytes(b"hello\n" * 5000)


def write_other_database(folder: Path) -> None:
    (folder / "artstore.db").unlink()
    sqlite3.connect(folder / "artstore.db").close()
    (folder / "artstore.db").touch()


def truncate_catalog(folder: Path) -> None:
    os.truncate(folder / "artstore.db", 8192)


def mark_as_newer(folder: Path) -> None:
    connection = sqlite3.connect(folder / "artstore.db")
    connection.execute("pragma user_version = 99")
    connection.close()


@pytest.mark.parametrize(
    "spoil",
    [write_garbage, write_other_database, truncate_catalog, mark_as_newer],
    ids=lambda spoil: str(spoil.__name__),
)
def test_a_failed_open_leaves_no_descriptors(folder: Path, spoil: Callable[[Path], None]) -> None:
    spoil(folder)
    for verb in (Store.open, Store.init):
        with pytest.raises(ArtstoreError):
            verb(folder)
        assert open_descriptors(folder) == []


# Creating a store twice


def test_init_opens_an_existing_store(folder: Path) -> None:
    with Store.init(folder) as store, Store.init(folder, algorithm="blake3") as again:
        assert commit_cat(store, "hiss") == "animals:v2"
        assert read_cat(again, "animals:v2") == "hiss"


def test_a_store_keeps_its_algorithm(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="uses blake3, and digests are never mixed: create another store for sha256"):
        Store.init(folder, algorithm="sha256")
    with pytest.raises(InvalidInput, match=r"'md5'.*blake3, sha256"):
        Store.init(tmp_path / "other", algorithm="md5")
    with pytest.raises(NoStore):
        Store.open(tmp_path / "other")


def test_an_unknown_algorithm_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        Store.init(tmp_path / "other", algorithm="md5")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("algorithm", ["blake3", "sha256"])
def test_a_store_works_with_either_algorithm(tmp_path: Path, algorithm: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    contents = {"empty": b"", "small": b"meow", "large": random.Random(1).randbytes(3_000_000)}
    for name, content in contents.items():
        (source / name).write_bytes(content)
    with Store.init(tmp_path / "store", algorithm=algorithm) as store:
        draft = store.draft("animals", "dataset")
        store.add_dir(draft, source)
        version = store.commit(draft)
        assert version.digest.startswith(f"{algorithm}:")
        assert all((entry.digest or "").startswith(f"{algorithm}:") for entry in store.entries(version))
    with Store.open(tmp_path / "store") as store:
        assert store.algorithm == algorithm
        store.get("animals", tmp_path / "out")
        assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == contents
        assert store.verify().ok
        store.delete("animals:v0", delete_aliases=True)
        assert store.usage().content_bytes == 0
        assert list((tmp_path / "store" / "packs").iterdir()) == []


# Moved, closed, locked


def test_a_store_can_be_moved_to_another_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    moved = folder.rename(tmp_path / "elsewhere" / "my store ☺")
    with Store.open(moved) as store:
        assert read_cat(store, "animals:v0") == "meow"
        assert commit_cat(store, "hiss") == "animals:v2"
        assert store.verify().ok
    with pytest.raises(NoStore):
        Store.open(folder)


def test_a_store_can_be_copied_while_it_is_closed(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    with Store.open(folder) as store, Store.open(tmp_path / "copy") as copy:
        commit_cat(store, "hiss")
        store.delete("animals:v0")
        assert read_cat(copy, "animals:v0") == "meow"
        assert copy.verify().ok


@pytest.mark.parametrize("part", [".", "packs", "backup"])
def test_a_store_is_not_backed_up_into_itself(folder: Path, part: str) -> None:
    with Store.open(folder) as store:
        draft = store.draft("animals")
        store.add_dir(draft, folder.parent / "source", "open")
        before = sorted(path.name for path in folder.rglob("*"))
        with pytest.raises(NotAStore, match=r"the store itself.*for the backup"):
            store.backup(folder / part)
        assert sorted(path.name for path in folder.rglob("*")) == before
        assert store.commit(draft).number == 2
        assert store.verify().ok


def test_a_backup_that_was_written_to_is_refused_or_repaired(folder: Path, tmp_path: Path) -> None:
    """A backup is a store too: when both are written to, their packs differ."""
    with Store.open(folder) as store:
        store.backup(tmp_path / "backup")
        with Store.open(tmp_path / "backup") as backup:
            commit_cat(backup, "written in the backup")
        commit_cat(store, "written in the store, and longer")
        try:
            store.backup(tmp_path / "backup")
        except NotAStore as error:
            assert "choose another folder" in str(error)
            expected = "written in the backup"
        else:
            expected = "written in the store, and longer"
        assert store.verify().ok
    with Store.open(tmp_path / "backup") as backup:
        assert backup.verify().ok
        assert read_cat(backup, "animals:v2") == expected


def test_a_relative_path_is_resolved_when_the_store_is_opened(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Store.open("store") as store:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert read_cat(store, "animals:v0") == "meow"
        assert list((tmp_path / "elsewhere").iterdir()) == []


AFTER_CLOSING: dict[str, Callable[[Store], object]] = {
    "draft": lambda store: store.draft("animals"),
    "version": lambda store: store.version("animals"),
    "versions": lambda store: list(store.versions("animals")),
    "collections": lambda store: store.collections(),
    "entries": lambda store: list(store.entries("animals")),
    "get": lambda store: store.get("animals", store.path.parent / "out"),
    "diff": lambda store: store.diff("animals:v0", "animals:v1"),
    "set_alias": lambda store: store.describe("animals:v0", add_aliases=["best"]),
    "owned_bytes": lambda store: store.owned_bytes("animals"),
    "delete": lambda store: store.delete("animals:v0"),
    "prune": lambda store: store.prune("animals", keep_last=1),
    "usage": lambda store: store.usage(),
    "gc": lambda store: store.gc(),
    "verify": lambda store: store.verify(),
    "backup": lambda store: store.backup(store.path.parent / "backup"),
    "events": lambda store: store.events(),
    "sql": lambda store: store.sql("select 1"),
}


@pytest.mark.parametrize("verb", AFTER_CLOSING)
def test_using_a_closed_store_is_an_error(folder: Path, verb: str) -> None:
    store = Store.open(folder)
    store.close()
    store.close()
    before = sorted(folder.rglob("*"))
    with pytest.raises(StoreError, match=r"the store .* was closed: open it again"):
        AFTER_CLOSING[verb](store)
    store.close()
    assert sorted(folder.rglob("*")) == before
    assert open_descriptors(folder) == []


def test_a_draft_of_a_closed_store_cannot_be_committed(folder: Path) -> None:
    store = Store.open(folder)
    draft = store.draft("animals")
    store.add_file(draft, folder.parent / "source" / "cat")
    [entry] = store.entries("animals:v0")
    store.close()
    before = sorted(folder.rglob("*"))
    for use in (
        lambda: store.commit(draft),
        lambda: store.add_file(draft, folder.parent / "source" / "cat", "again"),
        lambda: store.add_dir(draft, folder.parent / "source", "again"),
        lambda: list(store.read(entry)),
    ):
        with pytest.raises(StoreError, match="was closed: open it again"):
            use()
    assert sorted(folder.rglob("*")) == before
    assert open_descriptors(folder) == []
    with Store.open(folder) as again:
        assert len(list(again.versions("animals"))) == 2
        assert again.gc().leases == 0


def test_closing_releases_everything(folder: Path) -> None:
    with Store.open(folder) as store:
        read_cat(store, "animals:v0")
        commit_cat(store, "hiss")
        draft = store.draft("animals")
        store.add_file(draft, folder.parent / "source" / "cat")
        assert open_descriptors(folder)
    assert open_descriptors(folder) == []
    assert list((folder / "locks").glob("*.lock")) in ([], [folder / "locks" / "turn.lock"])
    assert not (folder / "artstore.db-wal").exists()


HOLD_THE_LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("begin exclusive")
connection.execute("create table strange (x)")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("rollback")
"""


@pytest.fixture
def lock_writes(folder: Path) -> Iterator[Callable[[float], None]]:
    """Let another program hold the write lock of SQLite for some seconds."""
    programs: list[subprocess.Popen[str]] = []

    def lock(seconds: float) -> None:
        command = [sys.executable, "-c", HOLD_THE_LOCK, str(folder / "artstore.db"), str(seconds)]
        programs.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        output = programs[-1].stdout
        assert output is not None and output.readline() == "held\n"

    yield lock
    for program in programs:
        program.kill()
        program.communicate()


def test_a_program_that_holds_the_write_lock_is_waited_for(folder: Path, lock_writes: Callable[[float], None]) -> None:
    with Store.open(folder) as store:
        lock_writes(1.5)
        began = time.monotonic()
        assert read_cat(store, "animals:v0") == "meow"
        reading = time.monotonic() - began
        assert commit_cat(store, "hiss") == "animals:v2"
        assert 0.5 < time.monotonic() - began < 30
        assert reading < 30
        assert store.verify().ok


def test_a_store_is_opened_while_another_program_holds_the_write_lock(
    folder: Path, lock_writes: Callable[[float], None]
) -> None:
    lock_writes(60)
    with Store.open(folder) as store:
        assert [version.number for version in store.versions("animals")] == [1, 0]
        assert store.diff("animals:v0", "animals:v1").changed


def test_a_write_lock_that_is_never_released_is_an_error_after_a_timeout(
    folder: Path, lock_writes: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.3)
    with Store.open(folder) as store:
        lock_writes(60)
        with pytest.raises(
            StoreBusy, match=r"artstore\.db has been locked by another program.*then try again"
        ) as caught:
            store.describe("animals:v0", add_aliases=["best"])
        assert isinstance(caught.value, TimeoutError)


# Permissions


def test_a_store_is_private_to_its_owner(tmp_path: Path) -> None:
    """This holds for any umask: a store is one trust domain."""
    before = os.umask(0)
    try:
        with Store.init(tmp_path / "deep" / "store") as store:
            commit_cat(store, "meow")
            modes = {
                path: stat.S_IMODE(path.stat().st_mode)
                for path in (store.path, store.path / "packs", store.path / "locks")
            }
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o700}


def test_a_store_in_a_public_folder_is_private_to_its_owner(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir(mode=0o755)
    with Store.init(tmp_path / "store") as store:
        commit_cat(store, "meow")
        below = [*store.path.iterdir(), *(store.path / "packs").iterdir()]
        closed_above = stat.S_IMODE(store.path.stat().st_mode) == 0o700
        readable = [path.name for path in below if path.stat().st_mode & 0o077]
    assert closed_above or readable == []


def test_a_store_in_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        output = run_python(INIT, tmp_path / "store")
    finally:
        tmp_path.chmod(0o755)
    assert output.startswith(f"StoreError: {tmp_path / 'store'} cannot be created or written: check its permissions")


INIT = """
import sys
from artstore import ArtstoreError, Store
try:
    Store.init(sys.argv[1]).close()
except ArtstoreError as error:
    print(f"{type(error).__name__}: {error}")
"""

USE = """
import sys, pathlib
from artstore import ArtstoreError, Store
out, source = sys.argv[2:]
def attempt(what, do):
    try:
        print(what, do())
    except ArtstoreError as error:
        print(what, type(error).__name__, error)
store = None
def opened():
    global store
    store = Store.open(sys.argv[1])
    return "done"
def got():
    store.get("animals:v0", out)
    return pathlib.Path(out, "cat").read_text()
def put():
    draft = store.draft("animals")
    store.add_dir(draft, source)
    return store.commit(draft).name
attempt("open", opened)
if store:
    attempt("get", got)
    attempt("put", put)
    attempt("delete", lambda: store.delete("animals:v0"))
    attempt("gc", lambda: store.gc())
    attempt("alias", lambda: store.describe("animals:v0", add_aliases=["best"]))
    store.close()
"""

READ_ONLY = {
    "everything": [".", "artstore.db", "packs", "locks"],
    "the packs": ["packs"],
    "the lock files": ["locks"],
    "the catalog": ["artstore.db"],
    "the folder": ["."],
}


@pytest.mark.parametrize("kind", READ_ONLY)
def test_a_read_only_store_is_an_error_of_writing_verbs(folder: Path, tmp_path: Path, kind: str) -> None:
    """A read-only part of a store causes an error, not a traceback, and does not harm a version."""
    (tmp_path / "source" / "cat").write_text("hiss")
    places = [folder / name for name in READ_ONLY[kind]]
    if "packs" in READ_ONLY[kind]:
        places += (folder / "packs").iterdir()
    if "locks" in READ_ONLY[kind]:
        places += (folder / "locks").iterdir()
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    try:
        lines = run_python(USE, folder, tmp_path / "out", tmp_path / "source").splitlines()
    finally:
        for place in places:
            place.chmod(0o755 if place.is_dir() else 0o644)
    answers = dict(line.split(" ", 1) for line in lines)
    for verb, answer in answers.items():
        if answer.startswith(("StoreError", "NoStore")):
            assert "check the permissions" in answer and str(folder) in answer, f"{verb}: {answer}"
        else:
            assert "Error" not in answer, f"{verb}: {answer}"
    assert any("check the permissions" in answer for answer in answers.values()), answers
    with Store.open(folder) as store:
        assert read_cat(store, "animals:v1") == "purr"
        assert store.verify().ok


def test_an_unreadable_store_is_an_error(folder: Path, tmp_path: Path) -> None:
    folder.chmod(0o000)
    try:
        output = run_python(USE, folder, tmp_path / "out", tmp_path / "source")
    finally:
        folder.chmod(0o700)
    assert output.startswith("open StoreError") and "check the permissions" in output and str(folder) in output
