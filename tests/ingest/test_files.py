"""Adding files and folders that are odd, unreadable, vanishing, growing, huge or deep, or the store itself."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from artstore import ArtstoreError, Entry, Kind, Store
from artstore.core.draft import Draft
from artstore.errors import InvalidPath, SourceChanged, SourceError, SourceUnreadable
from artstore.runtime import platform
from artstore.runtime.progress import Silent, Total
from artstore.storage import packs
from tests.support.files import commit_folder, entries_by_path, noise, read_files
from tests.support.programs import run_python

SMALL, LARGE = 1000, 300_000


def check_refused(store: Store, add: Callable[[Draft], object], message: str) -> OSError:
    """Check that adding is refused with a message, and that the draft can still be used."""
    draft = store.draft("animals", "dataset")
    with pytest.raises(SourceUnreadable, match=message) as caught:
        add(draft)
    assert isinstance(caught.value, OSError)
    assert list(draft.under("")) == []
    good = store.path.parent / "good"
    good.write_bytes(b"good")
    store.add_file(draft, good)
    version = store.commit(draft)
    assert set(entries_by_path(store, version)) == {"good"}
    return caught.value


# Unreadable files

UNREADABLE = """
import sys
from artstore import Store
from artstore.errors import SourceUnreadable
store = Store.open(sys.argv[1])
draft = store.draft("animals", "dataset")
for add, path in ((store.add_dir, sys.argv[2]), (store.add_file, sys.argv[3])):
    try:
        add(draft, path)
    except SourceUnreadable as error:
        print(error)
assert not list(draft.under(""))
store.close()
"""


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_an_unreadable_file_is_named(store: Store, source: Path, size: int) -> None:
    (source / "a").write_bytes(b"fine")
    (source / "secret").write_bytes(noise(size))
    (source / "secret").chmod(0)
    errors = run_python(UNREADABLE, store.path, source, source / "secret").splitlines()
    assert len(errors) == 2
    for line in errors:
        assert f"cannot read {str(source / 'secret')!r}: Permission denied" in line
        assert "Nothing was added: make it readable, or leave it out" in line
    assert store.collections() == []


@pytest.mark.parametrize("mode", [0o000, 0o400], ids=["not listed", "not entered"])
def test_an_unreadable_folder_is_named(store: Store, source: Path, mode: int) -> None:
    (source / "closed").mkdir()
    (source / "closed" / "cat").write_bytes(b"meow")
    (source / "closed").chmod(mode)
    try:
        errors = run_python(UNREADABLE, store.path, source, source / "closed" / "cat").splitlines()
    finally:
        (source / "closed").chmod(0o700)
    assert len(errors) == 2
    assert all(f"cannot read '{source}/closed" in line and "Permission denied" in line for line in errors)


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def make_device(path: Path) -> None:
    """Create the device that /dev/null is, or without root the only one that is allowed."""
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3) if os.geteuid() == 0 else 0)


def make_link_to_device(path: Path) -> None:
    path.symlink_to("/dev/null")


def make_link_to_fifo_outside(path: Path) -> None:
    os.mkfifo(path.parent.parent / "fifo")
    path.symlink_to(path.parent.parent / "fifo")


@pytest.mark.parametrize(
    "make",
    [make_fifo, make_socket, make_device, make_link_to_device, make_link_to_fifo_outside],
    ids=lambda make: str(make.__name__),
)
@pytest.mark.timeout(30)
def test_special_files_are_refused_without_waiting(
    store: Store, source: Path, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source)  # the path of a socket must be short
    (source / "cat").write_bytes(b"meow")
    make(Path("odd").absolute() if make is not make_socket else Path("odd"))
    check_refused(store, lambda draft: store.add_dir(draft, source), f"'{source}/odd'.*neither a file")
    check_refused(store, lambda draft: store.add_file(draft, source / "odd"), f"'{source}/odd'.*not a regular file")


def test_a_device_is_refused(store: Store) -> None:
    check_refused(store, lambda draft: store.add_file(draft, "/dev/zero"), "'/dev/zero': it is not a regular file")


@pytest.mark.parametrize("beside", [1, 3600], ids=["read here", "read by worker processes"])
@pytest.mark.timeout(60)
def test_a_link_to_memory_is_refused(store: Store, source: Path, beside: int) -> None:
    """It is a regular file that can be opened, of zero bytes, and cannot be read."""
    for i in range(beside):
        (source / f"{i}").write_bytes(b"%d" % i)
    (source / "odd").symlink_to("/proc/self/mem")
    message = r"cannot read '/proc/\d+/mem': Input/output error. Nothing was added: make it readable, or leave it out"
    check_refused(store, lambda draft: store.add_dir(draft, source), message)
    check_refused(store, lambda draft: store.add_file(draft, source / "odd"), message)


def test_a_folder_is_not_a_file_and_a_file_is_not_a_folder(store: Store, source: Path) -> None:
    (source / "cat").write_bytes(b"meow")
    check_refused(store, lambda draft: store.add_file(draft, source), f"'{source}': it is a folder: use add_dir")
    check_refused(
        store, lambda draft: store.add_dir(draft, source / "cat"), f"'{source}/cat': it is not a folder: use add_file"
    )


def test_a_missing_path_is_named(store: Store, source: Path) -> None:
    check_refused(store, lambda draft: store.add_file(draft, source / "bat"), f"'{source}/bat': No such file")
    check_refused(
        store, lambda draft: store.add_dir(draft, source / "bat"), f"'{source}/bat': No such file or directory"
    )


class OnBegin(Silent):
    """Acts when a step begins: a file was examined and not yet read."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def begin(self, what: str, total: Total, unit: str) -> None:
        self._act()


class OnAdvance(Silent):
    """Acts on progress, as there is between listing a folder and reading its files."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def advance(self, amount: int) -> None:
        self._act()


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("verb", ["file", "folder"])
def test_a_file_that_vanishes_before_it_is_read_is_named(store: Store, source: Path, size: int, verb: str) -> None:
    (source / "cat").write_bytes(noise(size))
    vanishing = source / "cat"

    def add(draft: Draft) -> None:
        if verb == "file":
            store.add_file(draft, vanishing, progress=OnBegin(lambda: vanishing.unlink(missing_ok=True)))
        else:
            store.add_dir(draft, source, progress=OnAdvance(lambda: vanishing.unlink(missing_ok=True)))

    check_refused(store, add, f"'{vanishing}': No such file")


@pytest.mark.parametrize("turns_into", ["fifo", "folder", "link to nothing"])
@pytest.mark.timeout(30)
def test_a_file_that_turns_into_something_else_before_it_is_read_is_named(
    store: Store, source: Path, turns_into: str
) -> None:
    changing = source / "cat"
    changing.write_bytes(b"meow")

    def turn() -> None:
        if changing.is_file():
            changing.unlink()
            if turns_into == "fifo":
                os.mkfifo(changing)
            elif turns_into == "folder":
                changing.mkdir()
            else:
                changing.symlink_to("nowhere")

    check_refused(store, lambda draft: store.add_dir(draft, source, progress=OnAdvance(turn)), f"'{changing}'")


# Changing files


def test_a_file_replaced_after_the_listing_is_stored_as_it_is_now(store: Store, source: Path) -> None:
    (source / "cat").write_bytes(b"meow")
    (source / "dog").write_bytes(noise(LARGE))
    new = {"cat": noise(LARGE, 1), "dog": b"woof"}

    def replace() -> None:
        if read_files(source) == new:
            return
        for name, data in new.items():
            (source / f".{name}").write_bytes(data)
            os.replace(source / f".{name}", source / name)

    draft = store.draft("animals", "dataset")
    store.add_dir(draft, source, progress=OnAdvance(replace))
    store.get(store.commit(draft), store.path.parent / "out")
    assert read_files(store.path.parent / "out") == new
    assert entries_by_path(store, "animals")["cat"].size == LARGE


GROW = """
import itertools, os, sys, time
descriptor, began = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND), time.monotonic()
print("growing", flush=True)
for i in itertools.count(os.fstat(descriptor).st_size // 8):
    os.write(descriptor, i.to_bytes(8, "big"))
    if i % 1024 == 0 and (time.monotonic() - began > 30 or os.fstat(descriptor).st_size > 2**26):
        break
"""


def log_content(size: int) -> bytes:
    """Return the content of the growing log at a size."""
    return np.arange(size // 8 + 1, dtype=">u8").tobytes()[:size]


@contextmanager
def growing_log(log: Path) -> Iterator[None]:
    """Let a program append to a file until the block ends."""
    program = subprocess.Popen([sys.executable, "-c", GROW, str(log)], stdout=subprocess.PIPE, text=True)
    try:
        assert program.stdout is not None and program.stdout.readline() == "growing\n"
        yield
    finally:
        program.kill()
        program.communicate()


@pytest.mark.parametrize("size", [8, 60_000, 3_000_000, 16_000_000])
def test_a_growing_file_is_stored_up_to_a_size_that_it_had(
    store: Store, source: Path, capsys: pytest.CaptureFixture[str], size: int
) -> None:
    log = source / "log"
    log.write_bytes(log_content(size))
    notes, deadline = "", time.monotonic() + 20
    with growing_log(log):
        while not notes and time.monotonic() < deadline:
            draft = store.draft("logs", "log")
            entry = store.add_file(draft, log)
            notes = capsys.readouterr().err
            [stored] = store.entries(store.commit(draft))
            taken = b"".join(store.read(stored))
            assert stored.size == entry.size == len(taken) >= size
            assert taken == log_content(len(taken))
            assert notes in (
                "",
                f"artstore: '{log}' grew while it was read: its first {len(taken):,} bytes were added\n",
            )
            if size < 100_000:
                break
    assert notes or size < 100_000, "a large file was never seen to grow while it was read"
    assert store.verify().ok
    time.sleep(0.2)
    [stored] = store.entries(commit_folder(store, source))
    assert b"".join(store.read(stored)) == log.read_bytes(), "the stable prefix is not taken for the file"


CHANGE = """
import os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR)
size = os.fstat(descriptor).st_size
print("changing", flush=True)
while True:
    for number in range(256):
        for offset in range(0, size, 1 << 20):
            os.pwrite(descriptor, bytes([number]) * 8, offset)
        if sys.argv[2] == "grow":
            os.pwrite(descriptor, b"more", os.fstat(descriptor).st_size)
"""


@pytest.mark.parametrize("how", ["in place", "grow"])
def test_any_other_change_while_a_file_is_read_is_an_error(store: Store, source: Path, how: str) -> None:
    file = source / "weights"
    file.write_bytes(bytes(20_000_000))
    draft = store.draft("models", "model")
    program = subprocess.Popen([sys.executable, "-c", CHANGE, str(file), how], stdout=subprocess.PIPE, text=True)
    try:
        assert program.stdout is not None and program.stdout.readline() == "changing\n"
        with pytest.raises(SourceChanged, match=r"'.*weights' kept changing while it was read\. Nothing was added"):
            store.add_file(draft, file)
    finally:
        program.kill()
        program.communicate()
    assert list(draft.under("")) == []


def test_a_file_changed_within_the_same_tick_is_read_again(store: Store, source: Path) -> None:
    """Size, inode and times can all be unchanged: a file that is not clearly older is read again."""
    for i in range(50):
        (source / "cat").write_bytes(b"%08d" % i)
        version = commit_folder(store, source)
        [entry] = store.entries(version)
        assert b"".join(store.read(entry)) == b"%08d" % i


def test_a_file_whose_times_were_set_back_after_a_change_is_read_again(store: Store, source: Path) -> None:
    (source / "cat").write_bytes(b"meow")
    os.utime(source / "cat", ns=(10**18, 10**18))
    time.sleep(0.15)
    first = commit_folder(store, source)
    assert commit_folder(store, source) == first
    (source / "cat").write_bytes(b"MEOW")
    os.utime(source / "cat", ns=(10**18, 10**18))
    [entry] = store.entries(commit_folder(store, source))
    assert b"".join(store.read(entry)) == b"MEOW"


# Sizes

SIZES = [0, 1, 65_535, 65_536, 65_537, 2**20 - 1, 2**20, 2**20 + 1, 8 * 2**20 - 1, 8 * 2**20, 8 * 2**20 + 300_000]


def test_files_of_every_size_are_restored(store: Store, source: Path, tmp_path: Path) -> None:
    for size in SIZES:
        (source / str(size)).write_bytes(noise(size))
    version = commit_folder(store, source)
    assert version.size == sum(SIZES)
    assert {path: entry.size for path, entry in entries_by_path(store, version).items()} == {str(s): s for s in SIZES}
    assert store.get(version, tmp_path / "out").written == len(SIZES)
    assert read_files(tmp_path / "out") == {str(size): noise(size) for size in SIZES}
    assert store.verify().ok


@pytest.mark.parametrize(("size", "chunks"), [(0, 0), (1, 1), (65_536, 1), (65_537, None), (1_048_577, None)])
def test_a_file_of_up_to_64_kib_is_one_chunk(store: Store, source: Path, size: int, chunks: int | None) -> None:
    (source / "a").write_bytes(noise(size))
    commit_folder(store, source)
    row = store.sql("select count(*) as n, coalesce(sum(size), 0) as size from chunks")[0]
    assert row["size"] == size
    assert row["n"] == chunks or (chunks is None and int(str(row["n"])) > size // 2**18)


SPARSE: dict[str, list[tuple[int, bytes]]] = {
    "hole in the middle": [(0, b"begin"), (64 * 2**20, b"end")],
    "hole at the end": [(0, noise(100_000)), (64 * 2**20, b"")],
    "nothing else": [(100 * 2**20, b"")],
    "many holes": [(i * 5_000_000 + 777, noise(300_000, i)) for i in range(10)],
}


@pytest.mark.parametrize("case", SPARSE)
def test_a_sparse_file_costs_what_is_in_it_here_and_there(
    store: Store, source: Path, tmp_path: Path, case: str
) -> None:
    content = bytearray()
    with (source / "sparse").open("wb") as sparse:
        for offset, data in SPARSE[case]:
            sparse.seek(offset)
            sparse.write(data)
            sparse.truncate(offset + len(data))
            content[len(content) :] = bytes(offset - len(content)) + data
    written = sum(len(data) for _, data in SPARSE[case])
    version = commit_folder(store, source)
    (source / "sparse").write_bytes(content)
    draft = store.draft("dense", "dataset")
    store.add_dir(draft, source)
    assert store.commit(draft).digest == version.digest
    assert store.usage().allocated_bytes < 3 * written + 2 * 2**20
    store.get(version, tmp_path / "out")
    assert (tmp_path / "out" / "sparse").read_bytes() == content
    assert (tmp_path / "out" / "sparse").stat().st_blocks * 512 < written + (1 + len(SPARSE[case])) * 2**18


def test_an_empty_folder_is_a_version_without_entries(store: Store, source: Path, tmp_path: Path) -> None:
    assert commit_folder(store, source).entries == 0
    draft = store.draft("animals")
    assert store.add_dir(draft, source, "below/it") == 1
    (entry,) = store.entries(store.commit(draft))
    assert entry == Entry("below/it", Kind.FOLDER)
    store.get("animals", tmp_path / "out")
    assert (tmp_path / "out" / "below" / "it").is_dir()


# Names

ODD_NAMES = [
    "with space",
    " space before",
    "new\nline",
    "tab\t",
    "bell\x07",
    "caf\u00e9",
    "cafe\u0301",
    "日本.jpg",
    "🐈",
    "-rf",
    "~",
    "$HOME",
    "*?[a]",
    "quote'\"",
    "back\\slash",
    "100%25",
    "colon:s",
    "...",
    ".hidden",
    "CON",
    "C:",
    "A",
    "a",
    "trailing. ",
    "\x1b[31mred",
    "\u202egnp.exe",
    "x" * 255,
    "é" * 127,
]


def test_odd_names_are_kept(store: Store, source: Path, tmp_path: Path) -> None:
    for i, name in enumerate(ODD_NAMES):
        (source / name).write_bytes(b"%d" % i)
        (source / "in" / name).mkdir(parents=True)
        (source / "in" / name / name).write_bytes(noise(LARGE, i) if i < 3 else b"in %d" % i)
    version = commit_folder(store, source)
    assert set(entries_by_path(store, version)) == {*ODD_NAMES, *(f"in/{name}/{name}" for name in ODD_NAMES)}
    store.get(version, tmp_path / "out")
    assert read_files(tmp_path / "out") == read_files(source)
    assert sorted(os.listdir(tmp_path / "out")) == sorted(os.listdir(source))
    assert store.get(version, tmp_path / "out").written == 0


@pytest.mark.parametrize("name", ["\\x", "..\\x", "a\\..\\..\\b"], ids=repr)
def test_names_that_would_leave_the_folder_on_another_system_are_refused(store: Store, source: Path, name: str) -> None:
    (source / name).write_bytes(b"x")
    draft = store.draft("animals", "dataset")
    with pytest.raises(InvalidPath, match="stays inside"):
        store.add_dir(draft, source)
    assert list(draft.under("")) == []


@pytest.mark.parametrize("kind", ["file", "folder", "link", "target of a link"])
def test_names_that_are_not_utf_8_are_refused(store: Store, source: Path, kind: str) -> None:
    odd = os.fsdecode(os.fsencode(source) + b"/caf\xe9")
    (source / "cat").write_bytes(b"meow")
    if kind == "file":
        Path(odd).write_bytes(b"x")
    elif kind == "folder":
        Path(odd).mkdir()
    elif kind == "link":
        Path(odd).symlink_to("cat")
    else:
        (source / "link").symlink_to(os.path.basename(odd))
    draft = store.draft("animals", "dataset")
    with pytest.raises(InvalidPath, match=r"caf\\udce9"):
        store.add_dir(draft, source)
        store.commit(draft)
    assert store.collections() == []


@pytest.mark.parametrize("depth", [300, 1500])
def test_folders_may_be_nested_deeply(store: Store, source: Path, tmp_path: Path, depth: int) -> None:
    deep = "/".join(["d"] * depth)
    subprocess.run(["mkdir", "-p", source / deep], check=True)
    (source / deep / "cat").write_bytes(b"meow")
    (source / deep / "dog").write_bytes(noise(LARGE))
    try:
        version = commit_folder(store, source)
        assert set(entries_by_path(store, version)) == {f"{deep}/cat", f"{deep}/dog"}
        assert store.get(version, tmp_path / "out").written == 2
        assert (tmp_path / "out" / deep / "cat").read_bytes() == b"meow"
        assert (tmp_path / "out" / deep / "dog").read_bytes() == noise(LARGE)
        assert store.get(version, tmp_path / "out").written == 0
    finally:
        # The clean-up of pytest does not go that deep.
        subprocess.run(["rm", "-rf", source, tmp_path / "out"], check=True)


def test_many_small_files_are_stored_by_several_processes(store: Store, source: Path, tmp_path: Path) -> None:
    for i in range(3600):
        folder = source / str(i // 500)
        folder.mkdir(exist_ok=True)
        (folder / f"{i}.txt").write_bytes(b"%d" % (i // 2))
    (source / "0" / "0.txt").chmod(0o755)
    version = commit_folder(store, source)
    assert (version.entries, store.usage().content_bytes) == (3600, sum(len(str(i)) for i in range(1800)))
    assert store.get(version, tmp_path / "out").written == 3600
    assert read_files(tmp_path / "out") == read_files(source)
    assert os.access(tmp_path / "out" / "0" / "0.txt", os.X_OK)
    assert store.verify().ok


def test_one_unreadable_file_among_many_is_named_by_any_process(store: Store, source: Path) -> None:
    for i in range(3600):
        (source / str(i)).write_bytes(b"%d" % i)
    (source / "3210").chmod(0)
    errors = run_python(UNREADABLE, store.path, source, source / "3210").splitlines()
    assert len(errors) == 2
    assert all(f"cannot read '{source}/3210': Permission denied" in line for line in errors)
    assert store.collections() == []


def test_a_draft_can_be_used_after_one_bad_file_among_many(store: Store, source: Path, tmp_path: Path) -> None:
    """Files that worker processes have already stored count for the draft, or are stored again."""
    folder = source
    for i in range(4200):
        if i % 600 == 0:
            folder /= "below"
            folder.mkdir()
        (folder / str(i)).write_bytes(b"%d" % i)
    bad = folder / "below"
    bad.mkdir()
    os.mkfifo(bad / "fifo")
    draft = store.draft("animals", "dataset")
    for _ in range(2):
        with pytest.raises(SourceUnreadable):
            store.add_dir(draft, source)
    (bad / "fifo").unlink()
    assert store.add_dir(draft, source) == 4201
    store.get(store.commit(draft), tmp_path / "out")
    assert read_files(tmp_path / "out") == read_files(source)
    assert store.verify().ok


# The store itself


def test_the_working_folder_is_added_without_the_store_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cat").write_bytes(b"meow")
    (tmp_path / "sub").mkdir()
    for place in (tmp_path / ".artstore", tmp_path / "sub" / "data"):
        with Store.init(place) as store:
            draft = store.draft("all", "dataset")
            store.add_dir(draft, ".")
            version = store.commit(draft)
            mine = place.relative_to(tmp_path)
            assert "cat" in entries_by_path(store, version)
            assert not [path for path in entries_by_path(store, version) if Path(path).is_relative_to(mine)]
            store.get(version, tmp_path.parent / f"{tmp_path.name}-out" / place.name)
            assert store.verify().ok


def test_the_store_is_left_out_under_any_name(store: Store, source: Path) -> None:
    """A mount shows the store under another name; a link leads to it from outside."""
    (source / "cat").write_bytes(b"meow")
    (source / "mounted").mkdir()
    subprocess.run(["mount", "--bind", store.path, source / "mounted"], check=True)
    try:
        assert set(entries_by_path(store, commit_folder(store, source))) == {"cat"}
    finally:
        subprocess.run(["umount", source / "mounted"], check=True)


@pytest.mark.parametrize(
    "leads_to", ["store", "store/packs", "", "store/artstore.db"], ids=["it", "a part", "above", "the catalog"]
)
def test_a_link_to_the_store_is_left_out(source: Path, tmp_path: Path, leads_to: str) -> None:
    (source / "cat").write_bytes(b"meow")
    (tmp_path / "shelf").mkdir()
    with Store.init(tmp_path / "shelf" / "store") as store:
        commit_folder(store, source)
        (source / "link").symlink_to(tmp_path / "shelf" / leads_to)
        draft = store.draft("animals")
        try:
            store.add_dir(draft, source)
        except SourceError as error:
            assert str(source / "link") in str(error)
        stored = {path.name for path in store.path.rglob("*")} | {"link"}
        assert [entry.path for entry in draft.under("") if entry.path.split("/")[-1] in stored] in ([], ["link"])
        assert all(entry.kind == Kind.FOLDER for entry in draft.under("") if entry.path == "link")


@pytest.mark.parametrize("part", [".", "packs", "locks"])
def test_the_store_cannot_be_added_to_itself(store: Store, source: Path, part: str) -> None:
    (source / "cat").write_bytes(b"meow")
    commit_folder(store, source)
    draft = store.draft("animals", "dataset")
    with pytest.raises(ArtstoreError, match="store"):
        store.add_dir(draft, store.path / part)
    assert list(draft.under("")) == []


def test_the_catalog_cannot_be_added_as_a_file(store: Store, source: Path) -> None:
    """Closing a descriptor of it would drop the locks that SQLite holds in this process."""
    (source / "cat").write_bytes(b"meow")
    commit_folder(store, source)
    draft = store.draft("animals", "dataset")
    with pytest.raises(ArtstoreError, match=r"artstore\.db"):
        store.add_file(draft, store.path / "artstore.db")


def test_the_first_packs_of_a_large_draft_stay_in_memory_and_the_others_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[int] = []
    drop = platform.drop_from_cache

    def noted(descriptor: int) -> None:
        dropped.append(os.fstat(descriptor).st_ino)
        drop(descriptor)

    monkeypatch.setattr(packs, "SEAL_AT", 128 * 1024)
    monkeypatch.setattr(platform, "drop_from_cache", noted)
    with Store.init(tmp_path / "store") as store:
        draft = store.draft("animals", "dataset")
        for i in range(12):
            store.add_bytes(draft, noise(256 * 1024, i), f"{i}.bin")
        version = store.commit(draft)
        assert len(dropped) == len(set(dropped)) == 4
        assert [b"".join(store.read(entry)) for entry in store.entries(version)] == [
            noise(256 * 1024, i) for i in sorted(range(12), key=str)
        ]


def test_a_name_that_is_not_utf_8_does_not_matter_outside_of_the_artifact(store: Store, tmp_path: Path) -> None:
    outside = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    Path(outside).write_bytes(b"outside")
    source = tmp_path / "linking"
    source.mkdir()
    (source / "link").symlink_to(outside)
    for _ in range(2):
        draft = store.draft("animals", "dataset")
        store.add_dir(draft, source)
        store.add_file(draft, outside, "named")
        version = store.commit(draft)
        time.sleep(0.2)
    assert version.name == "animals:v0"
    assert {entry.path: b"".join(store.read(entry)) for entry in store.entries(version)} == {
        "link": b"outside",
        "named": b"outside",
    }
