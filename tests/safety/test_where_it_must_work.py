"""Read-only places, full disks and few descriptors: what only reads works, and a store that is created is durable."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from artstore import Store
from artstore.errors import StoreReadOnly
from tests.support.files import commit_folder, noise, snapshot, write_files
from tests.support.programs import WITHOUT_RIGHTS
from tests.support.shelf import SHELF, unpack

MB = 2**20


@contextmanager
def mounted(place: Path, size: int) -> Iterator[None]:
    """Mount a disk in memory."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "artstore-test", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB with a closed store of two versions."""
    sources = [write_files(tmp_path / f"source{i}", {"cat": noise(200_000, i), "dog": b"woof"}) for i in range(2)]
    with mounted(tmp_path / "disk", 8 * MB):
        with Store.init(tmp_path / "disk" / "store") as store:
            for source in sources:
                commit_folder(store, source)
        yield tmp_path / "disk"


@contextmanager
def read_only(disk: Path) -> Iterator[list[str]]:
    """Make the disk read-only."""
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    yield []
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)


@contextmanager
def full(disk: Path) -> Iterator[list[str]]:
    """Take all room of the disk, to the last block."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for piece in (MB, 4096):
            with ExitStack() as until_full:
                until_full.enter_context(pytest.raises(OSError, match="No space left"))
                while file.write(bytes(piece)) == piece:
                    pass
                raise OSError("No space left")
    assert os.statvfs(disk).f_bavail == 0
    yield []
    filler.unlink()


@contextmanager
def without_rights(disk: Path) -> Iterator[list[str]]:
    """Take every right to write from the store."""
    places = [disk / "store", *(disk / "store").rglob("*")]
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    yield WITHOUT_RIGHTS
    for place in places:
        place.chmod(0o755 if place.is_dir() else 0o644)


KINDS: dict[str, Callable[[Path], AbstractContextManager[list[str]]]] = {
    "read-only": read_only,
    "full": full,
    "without rights": without_rights,
}
READING = [
    ["ls"],
    ["ls", "animals"],
    ["show", "animals:v0"],
    ["log", "animals"],
    ["du"],
    ["verify"],
    ["lineage", "animals:v0"],
    ["runs"],
    ["sql", "select count(*) as versions from artifact_versions"],
    ["alias", "animals"],
    ["rm", "animals:v0", "--dry-run"],
    ["gc", "--dry-run"],
]


@pytest.mark.parametrize("kind", KINDS)
def test_verbs_that_read_work(disk: Path, tmp_path: Path, kind: str) -> None:
    with KINDS[kind](disk) as prefix:

        def artstore(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
            command = [*prefix, sys.executable, "-m", "artstore", *map(str, arguments), "--store", str(disk / "store")]
            return subprocess.run(command, capture_output=True, text=True, check=False)

        for verb in READING:
            done = artstore(*verb)
            assert done.returncode == 0, f"{verb}: {done.stderr}"
        assert json.loads(artstore("verify", "--json").stdout)["ok"] is True
        assert artstore("diff", "animals:v0", "animals:v1").returncode == 1
        assert artstore("get", "animals:v0", "--root", tmp_path / "out").returncode == 0
        assert artstore("backup", tmp_path / "backup").returncode == 0
        changed = artstore("alias", "animals:v0", "best")
        # A full disk has room for a small change: the store keeps some.
        assert changed.returncode == (0 if kind == "full" else 2)
        assert kind == "full" or re.search("cannot be (read or )?written", changed.stderr), changed.stderr
    assert snapshot(tmp_path / "out") == snapshot(tmp_path / "source0")
    for folder in (disk / "store", tmp_path / "backup"):
        with Store.open(folder) as store:
            assert store.verify().ok


@pytest.mark.parametrize("kind", ["read-only", "without rights"])
def test_a_store_of_an_earlier_release_that_cannot_be_written_says_what_to_do(tmp_path: Path, kind: str) -> None:
    with mounted(tmp_path / "disk", 8 * MB):
        unpack(SHELF / "schema14-checksums.tar.xz", tmp_path / "disk" / "store")
        with KINDS[kind](tmp_path / "disk") as prefix:
            command = [*prefix, sys.executable, "-m", "artstore", "ls", "--store", str(tmp_path / "disk" / "store")]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "was written by an earlier artstore" in done.stderr
    assert "open a copy of it" in done.stderr


def test_what_is_written_meanwhile_is_seen_by_who_opened_it_without_a_journal(disk: Path) -> None:
    """A reader without rights opens the file alone; then the owner begins to write."""
    program = f"""
import sys
from artstore import Store
with Store.open({str(disk / "store")!r}) as store:
    for line in sys.stdin:
        print([version.name for version in store.versions("animals")], flush=True)
"""
    for place in (disk / "store", disk / "store" / "artstore.db"):
        place.chmod(0o555 if place.is_dir() else 0o444)
    command = [*WITHOUT_RIGHTS, sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdin is not None and reader.stdout is not None
        print("list", file=reader.stdin, flush=True)
        assert reader.stdout.readline() == "['animals:v1', 'animals:v0']\n"
        with Store.open(disk / "store") as store:
            store.delete("animals:v0")
            print("list", file=reader.stdin, flush=True)
            assert reader.stdout.readline() == "['animals:v1']\n"
        reader.stdin.close()
        assert reader.wait(30) == 0


def test_a_store_that_cannot_be_written_says_so_by_type(disk: Path) -> None:
    with (
        read_only(disk),
        Store.open(disk / "store") as store,
        pytest.raises(StoreReadOnly, match=r"cannot be (read or )?written"),
    ):
        store.describe("animals:v0", add_aliases=["best"])


@pytest.mark.parametrize("kilobytes", [300, 420, 580, 700])
def test_a_store_created_on_a_nearly_full_disk_is_whole_or_not_there(tmp_path: Path, kilobytes: int) -> None:
    disk = tmp_path / "disk"
    command = [sys.executable, "-m", "artstore"]
    with mounted(disk, kilobytes * 1024):
        first = subprocess.run([*command, "init", disk / "s"], capture_output=True, text=True, check=False)
        assert first.returncode == 0 or "no space left" in first.stderr
        subprocess.run(["mount", "-o", "remount,size=60m", disk], check=True)
        subprocess.run([*command, "init", disk / "s"], capture_output=True, check=True)
        subprocess.run([*command, "verify", "--store", disk / "s"], capture_output=True, check=True)


def synced_folders(tmp_path: Path, program: str) -> set[str]:
    """Run a program and return the folders that it synced."""
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync", "-o", str(trace), sys.executable, "-c", program]
    subprocess.run(command, check=True, capture_output=True)
    return {name for name in re.findall(r"sync\(\d+<([^>]*)>\)", trace.read_text()) if Path(name).is_dir()}


def test_the_folder_of_a_store_and_of_a_backup_is_durable(tmp_path: Path) -> None:
    places = [tmp_path / "deep" / "er" / "store", tmp_path / "backups" / "first", tmp_path / "other" / "restored"]
    program = f"""
from artstore import Store
with Store.init({str(places[0])!r}) as store:
    store.backup({str(places[1])!r})
Store.restore({str(places[1])!r}, {str(places[2])!r})
"""
    synced = synced_folders(tmp_path, program)
    for place in places:
        needed = {place, place.parent, *place.parents[: place.parents.index(tmp_path) + 1]}
        assert {str(folder) for folder in needed} <= synced


@pytest.mark.parametrize("mask", [0o022, 0o000])
@pytest.mark.parametrize("there", [False, True], ids=["new", "there before"])
def test_stores_and_backups_are_for_their_owner_alone(tmp_path: Path, mask: int, there: bool) -> None:
    places = [tmp_path / "store", tmp_path / "backup"]
    before = os.umask(mask)
    try:
        if there:
            for place in places:
                place.mkdir(mode=0o755)
        with Store.init(places[0]) as store:
            commit_folder(store, write_files(tmp_path / "source", {"secret": b"secret"}))
            store.backup(places[1])
            modes = {
                str(path.relative_to(tmp_path)): oct(stat.S_IMODE(path.stat().st_mode))
                for place in places
                for path in [place, *place.rglob("*")]
            }
    finally:
        os.umask(before)
    assert {path: mode for path, mode in modes.items() if mode not in ("0o700", "0o600")} == {}
    assert "backup/artstore.db" in modes and "store/artstore.db-wal" in modes


def test_64_descriptors_are_enough(tmp_path: Path) -> None:
    files = {f"{i:03}/below/file": b"%d" % i for i in range(150)} | {f"{i:03}/file": b"%d" % i for i in range(150)}
    source = write_files(tmp_path / "source", {**files, "large": noise(3 * MB, 1), "larger": noise(9 * MB, 2)})
    program = f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from artstore import Store
with Store.init({str(tmp_path / "store")!r}) as store:
    draft = store.draft("animals", "dataset")
    store.add_dir(draft, {str(source)!r})
    store.commit(draft)
    store.get("animals:v0", {str(tmp_path / "out")!r})
    assert store.verify().ok
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert snapshot(tmp_path / "out") == snapshot(source)


def test_too_few_descriptors_are_named(tmp_path: Path) -> None:
    source = write_files(tmp_path / "source", {f"{i}/file": b"x" for i in range(20)})
    with Store.init(tmp_path / "store") as store:
        commit_folder(store, source)
    program = f"""
import os, resource
from artstore import ArtstoreError, Store
store = Store.open({str(tmp_path / "store")!r})
taken = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]
resource.setrlimit(resource.RLIMIT_NOFILE, (max(taken) + 1, max(taken) + 1))
try:
    store.get("animals:v0", {str(tmp_path / "out")!r})
except ArtstoreError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "too many open files: raise the limit with `ulimit -n`" in done.stdout, done.stderr
