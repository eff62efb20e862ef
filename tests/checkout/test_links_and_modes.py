"""Links, modes and empty folders are kept, and a folder is brought to the state of a version repeatedly."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from artstore import ArtstoreError, Entry, Kind, Store
from artstore.errors import InvalidPath, LinkCycle, RootUnwritable, SourceError, SourceUnreadable, UnsafeRoot
from tests.support.files import commit_folder, entries_by_path, noise, read_files, snapshot, write_files
from tests.support.programs import run_python


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source" / "sub").mkdir(parents=True)
    (tmp_path / "source" / "cat").write_bytes(b"meow")
    (tmp_path / "source" / "sub" / "dog").write_bytes(b"woof")
    return tmp_path / "source"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


# Links inside


LINKS_INSIDE = {
    "beside": ("link", "cat", "cat"),
    "down": ("link", "sub/dog", "sub/dog"),
    "up": ("sub/link", "../cat", "../cat"),
    "to a folder": ("link", "sub", "sub"),
    "with more than is needed": ("sub/link", "./..//./cat", "../cat"),
    "absolute": ("sub/link", "{source}/cat", "../cat"),
    "absolute to a folder": ("link", "{source}/sub", "sub"),
    "dangling": ("link", "bat", "bat"),
    "dangling absolute": ("sub/link", "{source}/nowhere/bat", "../nowhere/bat"),
    "named in Unicode": ("liên kết", "cat", "cat"),
    "to its own folder": ("sub/link", ".", "."),
    "to the folder of all": ("link", ".", "."),
    "to the folder above": ("sub/link", "..", ".."),
    "to the root, absolute": ("sub/link", "{source}", ".."),
    "to a name with a backslash": ("link", "back\\slash", "back\\slash"),
    "to a name like a drive": ("sub/link", "../C:", "../C:"),
}


@pytest.mark.parametrize("case", LINKS_INSIDE)
def test_a_link_inside_the_folder_is_kept_as_a_link(store: Store, source: Path, out: Path, case: str) -> None:
    name, target, stored = LINKS_INSIDE[case]
    (source / name).symlink_to(target.format(source=source))
    version = commit_folder(store, source)
    assert entries_by_path(store, version)[name] == Entry(name, Kind.LINK, target=stored)
    assert version.size == len(b"meow" + b"woof")
    store.get(version, out)
    assert os.readlink(out / name) == stored
    if "dangling" not in case:
        assert (out / name).resolve() == (out / (source / name).resolve().relative_to(source.resolve()))


NAMES = {
    "drive": "C:",
    "relative to a drive": "x:y",
    "colons": "13:00:05.log",
    "backslash": "a\\b",
    "control characters": "a\nb\x1b[31m",
    "reversed text": "\u202egnp.exe",
    "of Windows": "CON",
    "ending in dot and space": "x. ",
    "as long as it gets": "n" * 255,
    "as long as it gets in four bytes": "\U0001f600" * 63,
    "as long as it gets in three bytes": "日" * 85,
}


@pytest.mark.parametrize("case", NAMES)
def test_what_is_stored_under_a_name_is_got_back_changed_and_linked(
    store: Store, tmp_path: Path, out: Path, case: str
) -> None:
    name = NAMES[case]
    source = write_files(
        tmp_path / "named", {name: b"first", f"sub/{name}": noise(200_000), f"{name} "[:9] + "/x": b""}
    )
    (source / "to").mkdir()
    (source / "to" / name).symlink_to(f"../{name}")
    version = commit_folder(store, source)
    for _ in range(2):
        store.get(version, out)
        assert snapshot(out) == snapshot(source)
        (out / name).write_bytes(b"other")
        (out / "sub" / name).write_bytes(b"other")
        (out / "to" / name).unlink()
        (out / "to" / name).write_bytes(b"other")


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_folder_of_such_a_name_is_got_back_whole_and_alone(
    store: Store, tmp_path: Path, out: Path, name: str
) -> None:
    files = {f"{name}/x": b"below", f"{name}/{name}": b"twice", f"sub/{name}/x": b"deeper", "sub/C:x": b"beside"}
    source = write_files(tmp_path / "named", files)
    (source / "sub" / "link").symlink_to(f"../{name}")
    version = commit_folder(store, source)
    for _ in range(2):
        store.get(version, out)
        assert snapshot(out) == snapshot(source)
        (out / name / "x").write_bytes(b"other")
    store.get(version, tmp_path / "part", path_prefix=name)
    assert read_files(tmp_path / "part") == {path: files[path] for path in (f"{name}/x", f"{name}/{name}")}


PAIRS = {"case": ("A", "a"), "composed and decomposed": ("\u00e9", "e\u0301"), "dotless": ("\u0130", "\u0131")}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_names_that_other_systems_take_for_one_stay_two(
    store: Store, tmp_path: Path, out: Path, pair: tuple[str, str]
) -> None:
    one, other = pair
    files = {one: b"1", other: b"2", f"in/{one}": noise(200_000, 3), f"in/{other}": noise(200_000, 4)}
    source = write_files(tmp_path / "named", {**files, f"below {one}/x": b"5", f"below {other}/x": b"6"})
    version = commit_folder(store, source)
    for _ in range(2):
        store.get(version, out)
        assert snapshot(out) == snapshot(source)
        (out / one).write_bytes(b"other")
        (out / f"below {other}" / "x").unlink()
    store.get(version, tmp_path / "part", path_prefix=one)
    assert read_files(tmp_path / "part") == {one: b"1"}


@pytest.mark.parametrize("target", ["..\\cat", "nowhere/..\\..\\cat"])
def test_a_link_that_cannot_be_got_back_is_refused_when_it_is_added(store: Store, source: Path, target: str) -> None:
    (source / "link").symlink_to(target)
    draft = store.draft("animals", "dataset")
    with pytest.raises(InvalidPath, match="link 'link' leads to"):
        store.add_dir(draft, source)
    assert list(draft.under("")) == []


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A folder for paths that are too long for the system, which few programs can remove, with `source` in it."""
    (tmp_path / "deep" / "source").mkdir(parents=True)
    yield tmp_path / "deep"
    shutil.rmtree(tmp_path / "deep")


def make_deep(folder: Path, depth: int) -> None:
    """Create a file `f` below folders with names of 100 bytes, also where its path is too long for the system."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d" * 100, dir_fd=here)
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.symlink("f", "link", dir_fd=here)
    os.close(here)


@pytest.mark.parametrize(("depth", "below"), [(38, ["r" * 255, "r" * 255]), (39, ["r" * 200])])
def test_a_path_that_is_too_long_below_a_deeper_root_is_downloaded_again_and_again(
    store: Store, deep: Path, depth: int, below: list[str]
) -> None:
    make_deep(deep / "source", depth)
    version = commit_folder(store, deep / "source")
    root = deep.joinpath(*below)
    assert len(f"{root}/") + depth * 101 + len("f") > 4095
    assert store.get(version, root) == (2, 0, 0)
    assert store.get(version, root) == (0, 2, 0)
    assert commit_folder(store, deep / "source") == version


def test_a_path_that_is_too_long_is_refused_when_it_is_added(store: Store, deep: Path) -> None:
    make_deep(deep / "source", 60)
    draft = store.draft("animals", "dataset")
    with pytest.raises((InvalidPath, SourceUnreadable), match=r"at most 4095|too long"):
        store.add_dir(draft, deep / "source")
    with pytest.raises(InvalidPath, match="has 4098 bytes"):
        store.add_dir(draft, deep / "source", "d/" * 2047 + "long")
    with pytest.raises(InvalidPath, match="has 256 bytes, and a file system holds at most 255"):
        store.add_file(draft, Path(__file__), "é" * 128)
    assert list(draft.under("")) == []


def test_a_root_on_a_file_system_with_shorter_names_says_so(store: Store, source: Path, tmp_path: Path) -> None:
    version = commit_folder(store, source)
    with pytest.raises(RootUnwritable, match=r"File name too long.*choose another root"):
        store.get(version, tmp_path / ("n" * 256))


def test_a_chain_of_links_keeps_its_target(store: Store, source: Path, out: Path) -> None:
    (source / "one").symlink_to("two")
    (source / "two").symlink_to("sub/three")
    (source / "sub" / "three").symlink_to("../folder/dog")
    (source / "folder").symlink_to("sub")
    store.get(commit_folder(store, source), out)
    for name in ("one", "two", "sub/three", "folder"):
        assert (out / name).is_symlink(), name
        assert (out / name).resolve().relative_to(out) == (source / name).resolve().relative_to(source), name
    assert (out / "one").read_bytes() == b"woof"


def test_links_with_the_same_target_in_two_places_stay_two_links(store: Store, source: Path, out: Path) -> None:
    (source / "link").symlink_to("dog")
    (source / "sub" / "link").symlink_to("dog")
    store.get(commit_folder(store, source), out)
    assert (out / "sub" / "link").read_bytes() == b"woof"
    assert not (out / "link").exists() and (out / "link").is_symlink()


def test_links_between_two_folders_are_not_a_cycle(store: Store, source: Path, out: Path) -> None:
    (source / "other").mkdir()
    (source / "other" / "to-sub").symlink_to("../sub")
    (source / "sub" / "to-other").symlink_to("../other")
    store.get(commit_folder(store, source), out)
    assert (out / "other" / "to-sub" / "to-other" / "to-sub" / "dog").read_bytes() == b"woof"


def test_a_changed_link_makes_another_version(store: Store, source: Path, out: Path) -> None:
    (source / "link").symlink_to("cat")
    first = commit_folder(store, source)
    (source / "link").unlink()
    (source / "link").symlink_to("sub/dog")
    second = commit_folder(store, source)
    assert second.number == 1
    assert [pair[1].target for pair in store.diff(first, second).changed] == ["sub/dog"]
    for version, expected in ((first, b"meow"), (second, b"woof"), (first, b"meow")):
        store.get(version, out)
        assert (out / "link").read_bytes() == expected


# Links out


def test_a_model_in_the_layout_of_hugging_face_is_added_whole(store: Store, tmp_path: Path, out: Path) -> None:
    """Hugging Face keeps content in blobs/, and in snapshots/REVISION/ names that are relative links to it."""
    repository = tmp_path / "hub" / "models--zoo--animals"
    snapshot_folder = repository / "snapshots" / "0123abcd"
    (snapshot_folder / "onnx").mkdir(parents=True)
    (repository / "blobs").mkdir()
    blobs = {"config.json": b"{}", "model.safetensors": noise(300_000), "onnx/model.onnx": noise(1000)}
    for i, (name, data) in enumerate(blobs.items()):
        (repository / "blobs" / (f"{i}" * 40)).write_bytes(data)
        (snapshot_folder / name).symlink_to("../" * (2 + name.count("/")) + "blobs/" + f"{i}" * 40)
    version = commit_folder(store, snapshot_folder)
    assert {path: entry.kind for path, entry in entries_by_path(store, version).items()} == dict.fromkeys(
        blobs, Kind.FILE
    )
    store.get(version, out)
    assert snapshot(out) == {**blobs, "onnx": None}
    assert commit_folder(store, snapshot_folder) == version
    draft = store.draft("repository", "model")
    store.add_dir(draft, repository)
    whole = store.commit(draft)
    assert whole.size == version.size, "the links lead inside when the whole repository is added"
    store.get(whole, out / "whole")
    assert (out / "whole" / "snapshots" / "0123abcd" / "onnx" / "model.onnx").read_bytes() == blobs["onnx/model.onnx"]


def test_a_link_to_a_folder_outside_is_followed(store: Store, source: Path, tmp_path: Path, out: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "deep" / "empty").mkdir(parents=True)
    (outside / "rat").write_bytes(b"squeak")
    (outside / "deep" / "run").write_bytes(b"#!")
    (outside / "deep" / "run").chmod(0o755)
    (outside / "beside").symlink_to("rat")
    (outside / "again").symlink_to("deep")
    (source / "link").symlink_to("../outside")
    version = commit_folder(store, source)
    store.get(version, out)
    assert snapshot(out / "link") == {
        "rat": b"squeak",
        "beside": b"squeak",
        "deep": None,
        "deep/empty": None,
        "deep/run": b"#!",
        "again": None,
        "again/empty": None,
        "again/run": b"#!",
    }
    assert os.access(out / "link" / "deep" / "run", os.X_OK)
    assert commit_folder(store, source) == version


def test_a_linked_folder_is_added_as_its_target(store: Store, source: Path, tmp_path: Path) -> None:
    (source / "inside").symlink_to("cat")
    (tmp_path / "link").symlink_to("source")
    through = commit_folder(store, tmp_path / "link", "through")
    assert entries_by_path(store, through) == entries_by_path(store, commit_folder(store, source, "direct"))


def test_a_link_given_as_a_file_is_added_under_its_own_name(store: Store, source: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("source/cat")
    draft = store.draft("animals", "dataset")
    assert store.add_file(draft, tmp_path / "link").path == "link"
    assert entries_by_path(store, store.commit(draft))["link"].size == 4


CYCLES = {
    "out, to the folder above the root": ("link", ".."),
    "to the root of the system": ("link", "/"),
}


@pytest.mark.parametrize("case", CYCLES)
def test_a_link_that_leads_back_is_an_error(store: Store, source: Path, case: str) -> None:
    name, target = CYCLES[case]
    (source / name).symlink_to(target.format(source=source))
    draft = store.draft("animals", "dataset")
    with pytest.raises(
        LinkCycle, match=rf"{name}' leads back to .*: remove it, or add the folders one by one"
    ) as caught:
        store.add_dir(draft, source)
    assert isinstance(caught.value, OSError) and isinstance(caught.value, SourceError)
    assert list(draft.under("")) == []


@pytest.mark.parametrize("back", ["../source", "../source/sub", ".", "deep"])
def test_a_link_outside_that_leads_back_is_an_error(store: Store, source: Path, tmp_path: Path, back: str) -> None:
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep" / "link").symlink_to(outside / back)
    (source / "sub" / "out").symlink_to(outside)
    draft = store.draft("animals", "dataset")
    if back == "../source/sub":
        # One turn, not a cycle: the link is followed until it leads back to the folder that it left.
        (outside / "deep" / "link").unlink()
        (outside / "deep" / "link").symlink_to(source)
    with pytest.raises(LinkCycle, match="leads back to"):
        store.add_dir(draft, source)
    assert list(draft.under("")) == []


@pytest.mark.parametrize("loop", [{"a": "a"}, {"a": "b", "b": "a"}], ids=["to itself", "to each other"])
def test_links_that_only_lead_to_each_other_are_links_or_an_error(
    store: Store, source: Path, out: Path, loop: dict[str, str]
) -> None:
    for name, target in loop.items():
        (source / name).symlink_to(target)
    try:
        version = commit_folder(store, source)
    except LinkCycle as error:
        assert "'a'" in str(error) or f"{source}/a" in str(error)
    else:
        store.get(version, out)
        assert all((out / name).is_symlink() and not (out / name).exists() for name in loop)


@pytest.mark.parametrize("target", ["../nowhere", "/nowhere/at/all", "../source-not"])
def test_a_dangling_link_that_leads_outside_is_named(store: Store, source: Path, target: str) -> None:
    (source / "link").symlink_to(target)
    draft = store.draft("animals", "dataset")
    with pytest.raises(SourceUnreadable, match=rf"'{source}/link': the link leads to '.*': No such file.*leave it out"):
        store.add_dir(draft, source)
    assert list(draft.under("")) == []


def test_a_folder_whose_name_begins_like_that_of_the_root_is_outside(
    store: Store, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "source-old").mkdir()
    (tmp_path / "source-old" / "rat").write_bytes(b"squeak")
    (source / "link").symlink_to("../source-old/rat")
    assert entries_by_path(store, commit_folder(store, source))["link"].kind == Kind.FILE


# Modes and empty folders


def test_the_executable_bit_and_empty_folders_are_kept(store: Store, source: Path, out: Path) -> None:
    for name, mode in (("run", 0o755), ("private", 0o700), ("plain", 0o644), ("group", 0o654), ("odd", 0o4640)):
        (source / name).write_bytes(name.encode())
        (source / name).chmod(mode)
    (source / "large").write_bytes(noise(300_000))
    (source / "large").chmod(0o711)
    (source / "empty" / "in" / "empty").mkdir(parents=True)
    version = commit_folder(store, source)
    entries = entries_by_path(store, version)
    assert {path for path, entry in entries.items() if entry.executable} == {"run", "private", "large"}
    assert entries["empty/in/empty"].kind == Kind.FOLDER and "empty" not in entries and "sub" not in entries
    umask = os.umask(0o027)
    try:
        store.get(version, out)
    finally:
        os.umask(umask)
    assert snapshot(out) == snapshot(source)
    modes = {
        name: stat.S_IMODE((out / name).stat().st_mode) for name in ("run", "private", "plain", "group", "odd", "large")
    }
    assert modes == {"run": 0o750, "private": 0o750, "plain": 0o640, "group": 0o640, "odd": 0o640, "large": 0o750}
    assert commit_folder(store, out) == version


def test_the_executable_bit_alone_makes_another_version(store: Store, source: Path) -> None:
    first = commit_folder(store, source)
    (source / "cat").chmod(0o755)
    second = commit_folder(store, source)
    assert (second.number, second.size) == (1, first.size)
    assert store.owned_bytes(second) == 0
    (source / "cat").chmod(0o744)
    assert commit_folder(store, source) == second


def test_a_link_to_an_executable_outside_is_an_executable(
    store: Store, source: Path, tmp_path: Path, out: Path
) -> None:
    (tmp_path / "run").write_bytes(b"#!")
    (tmp_path / "run").chmod(0o755)
    (source / "link").symlink_to("../run")
    store.get(commit_folder(store, source), out)
    assert os.access(out / "link", os.X_OK) and not (out / "link").is_symlink()


# Downloading again


@pytest.fixture
def full_folder(source: Path) -> Path:
    """A folder with one entry of each kind."""
    (source / "large").write_bytes(noise(300_000))
    (source / "run").write_bytes(b"#!")
    (source / "run").chmod(0o755)
    (source / "link").symlink_to("sub/dog")
    (source / "empty").mkdir()
    (source / "nothing").write_bytes(b"")
    return source


def test_a_second_download_writes_nothing(store: Store, full_folder: Path, out: Path) -> None:
    version = commit_folder(store, full_folder)
    assert store.get(version, out) == (6, 0, 0)
    before = {path: path.lstat() for path in out.rglob("*")}
    assert store.get(version, out) == (0, 6, 0)
    after = {path: path.lstat() for path in out.rglob("*")}
    assert {path: (s.st_ino, s.st_mtime_ns) for path, s in before.items()} == {
        path: (s.st_ino, s.st_mtime_ns) for path, s in after.items()
    }


def test_a_download_into_a_copy_writes_nothing(store: Store, full_folder: Path) -> None:
    version = commit_folder(store, full_folder)
    assert store.get(version, full_folder) == (0, 6, 0)


def test_a_download_over_another_version_writes_what_differs(store: Store, full_folder: Path, out: Path) -> None:
    first = commit_folder(store, full_folder)
    (full_folder / "cat").write_bytes(b"MEOW")
    (full_folder / "new").write_bytes(b"new")
    second = commit_folder(store, full_folder)
    store.get(first, out)
    assert store.get(second, out) == (2, 5, 0)
    assert store.get(first, out) == (1, 5, 0)
    assert (out / "new").read_bytes() == b"new", "files that are not in the version are left alone"


def grow_file(out: Path) -> None:
    (out / "cat").write_bytes(b"meow meow")


def change_within_size(out: Path) -> None:
    (out / "cat").write_bytes(b"MEOW")


def change_within_size_and_times(out: Path) -> None:
    before = (out / "large").stat()
    data = bytearray((out / "large").read_bytes())
    data[150_000] ^= 1
    (out / "large").write_bytes(data)
    os.utime(out / "large", ns=(before.st_atime_ns, before.st_mtime_ns))


def remove_file(out: Path) -> None:
    (out / "sub" / "dog").unlink()


def remove_folder(out: Path) -> None:
    (out / "sub" / "dog").unlink()
    (out / "sub").rmdir()


def remove_empty_folder(out: Path) -> None:
    (out / "empty").rmdir()


def make_executable(out: Path) -> None:
    (out / "cat").chmod(0o755)


def make_not_executable(out: Path) -> None:
    (out / "run").chmod(0o644)


def change_link_target(out: Path) -> None:
    (out / "link").unlink()
    (out / "link").symlink_to("cat")


def replace_link_by_file(out: Path) -> None:
    (out / "link").unlink()
    (out / "link").write_bytes(b"woof")


def replace_file_by_link(out: Path) -> None:
    (out / "cat").rename(out / "stranger")
    (out / "cat").symlink_to("stranger")


def replace_file_by_link_outside(out: Path) -> None:
    (out.parent / "precious").write_bytes(b"precious")
    (out / "cat").unlink()
    (out / "cat").symlink_to(out.parent / "precious")


def add_hard_link(out: Path) -> None:
    """Give the file a second name by a hard link: writing into the file would change both."""
    (out / "cat").write_bytes(b"old!")
    os.link(out / "cat", out / "stranger")


@pytest.mark.parametrize(
    "spoil",
    [
        grow_file,
        change_within_size,
        change_within_size_and_times,
        remove_file,
        remove_folder,
        remove_empty_folder,
        make_executable,
        make_not_executable,
        change_link_target,
        replace_link_by_file,
        replace_file_by_link,
        replace_file_by_link_outside,
        add_hard_link,
    ],
    ids=lambda spoil: str(spoil.__name__),
)
def test_a_second_download_repairs_changed_files_and_keeps_other_files(
    store: Store, full_folder: Path, out: Path, spoil: Callable[[Path], None]
) -> None:
    version = commit_folder(store, full_folder)
    store.get(version, out)
    (out / "mine").write_bytes(b"mine")
    (out / "sub" / "mine").write_bytes(b"mine")
    if spoil is remove_folder:
        (out / "sub" / "mine").unlink()
    spoil(out)
    strangers = {name: data for name, data in snapshot(out).items() if Path(name).name in ("mine", "stranger")}
    done = store.get(version, out)
    assert done.written == (0 if spoil is remove_empty_folder else 1)
    contents = snapshot(out)
    assert {name: contents.pop(name) for name in strangers} == strangers
    assert contents == snapshot(full_folder)
    assert os.access(out / "run", os.X_OK) and not os.access(out / "cat", os.X_OK)
    if spoil is replace_file_by_link_outside:
        assert (out.parent / "precious").read_bytes() == b"precious"
    assert store.get(version, out).written == 0


@pytest.mark.parametrize(
    ("there", "is_there", "needed"),
    [
        ("folder where a file goes", "cat", "file"),
        ("file where a folder goes", "sub", "folder"),
        ("file where an empty folder goes", "empty", "folder"),
        ("folder where a link goes", "link", "link"),
        ("link where a folder goes", "sub", "folder"),
        ("link where an empty folder goes", "empty", "folder"),
    ],
)
def test_a_file_in_the_way_is_named_and_left_unchanged(
    store: Store, full_folder: Path, out: Path, there: str, is_there: str, needed: str
) -> None:
    version = commit_folder(store, full_folder)
    outside = out.parent / "outside"
    outside.mkdir()
    out.mkdir()
    if there.startswith("folder"):
        (out / is_there).mkdir()
        (out / is_there / "mine").write_bytes(b"mine")
    elif there.startswith("file"):
        (out / is_there).write_bytes(b"mine")
    else:
        (out / is_there).symlink_to(outside)
    with pytest.raises(
        UnsafeRoot, match=rf"'{out}/{is_there}' is .* where the download needs a {needed}: move it away"
    ) as e:
        store.get(version, out)
    assert isinstance(e.value, OSError)
    assert list(outside.iterdir()) == []
    if there.startswith("folder"):
        assert (out / is_there / "mine").read_bytes() == b"mine"
        (out / is_there / "mine").unlink()
        (out / is_there).rmdir()
    else:
        (out / is_there).unlink()
    store.get(version, out)
    assert snapshot(out) == snapshot(full_folder)


@pytest.mark.parametrize("name", ["a" * 255, "\N{GRINNING FACE}" * 63, "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 85])
def test_files_and_links_with_the_longest_names_are_replaced(store: Store, source: Path, out: Path, name: str) -> None:
    source.joinpath(name).write_bytes(b"new")
    (source / "folder").mkdir()
    source.joinpath("folder", name).symlink_to(f"../{name}")
    (out / "folder").mkdir(parents=True)
    out.joinpath(name).write_bytes(b"old")
    out.joinpath("folder", name).symlink_to("elsewhere")
    store.get(commit_folder(store, source), out)
    assert snapshot(out) == snapshot(source)


def test_a_root_that_is_a_file_is_refused(store: Store, full_folder: Path, out: Path) -> None:
    version = commit_folder(store, full_folder)
    out.write_bytes(b"mine")
    for root in (out, out / "below"):
        with pytest.raises(UnsafeRoot, match="choose another root"):
            store.get(version, root)
    assert out.read_bytes() == b"mine"


@pytest.mark.parametrize("part", [".", "packs", "new"])
def test_a_root_in_the_store_is_refused(store: Store, source: Path, part: str) -> None:
    """An artifact may hold a file called `artstore.db`."""
    (source / "artstore.db").write_bytes(b"of another store")
    version = commit_folder(store, source)
    with pytest.raises(ArtstoreError, match=r"the store.*choose another root"):
        store.get(version, store.path / part)
    assert not list(store.path.rglob("cat"))
    assert store.verify().ok


@pytest.mark.parametrize("name", ["artstore.db", "packs/new.pack", "cat"])
def test_a_download_above_the_store_does_not_write_into_it(store: Store, source: Path, name: str) -> None:
    """A version may hold another working folder with its store, whose name is that of our own store."""
    draft = store.draft("animals", "dataset")
    store.add_file(draft, source / "cat", f"{store.path.name}/{name}")
    version = store.commit(draft)
    before = sorted(store.path.rglob("*"))
    with pytest.raises(ArtstoreError, match=r"the store.*choose another root"):
        store.get(version, store.path.parent)
    assert sorted(store.path.rglob("*")) == before
    assert store.verify().ok


def test_a_root_may_be_a_link_to_a_folder(store: Store, full_folder: Path, out: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    out.symlink_to("real")
    version = commit_folder(store, full_folder)
    assert store.get(version, out).written == 6
    assert snapshot(tmp_path / "real") == snapshot(full_folder)
    assert store.get(version, out).written == 0


GET = """
import sys
from artstore import ArtstoreError, Store
with Store.open(sys.argv[1]) as store:
    try:
        print(store.get("animals", sys.argv[2]).written)
    except ArtstoreError as error:
        print(f"{type(error).__name__}: {error}")
"""


def test_a_root_that_may_not_be_written_is_named(store: Store, full_folder: Path, out: Path) -> None:
    commit_folder(store, full_folder)
    out.mkdir(mode=0o555)
    try:
        output = run_python(GET, store.path, out)
        below = run_python(GET, store.path, out / "below")
    finally:
        out.chmod(0o755)
    for line in (output, below):
        assert line.startswith(("RootUnwritable", "UnsafeRoot")) and str(out) in line
        assert "Permission denied" in line and ": check " in line
    assert list(out.iterdir()) == []


# Parts of a version


@pytest.fixture
def images_version(tmp_path: Path) -> Path:
    """Paths that a careless prefix would confuse."""
    names = ["images/a", "images/b/c", "images-old/a", "images.txt", "images0", "image", "imagesa/x", "deep/images/a"]
    for name in names:
        path = tmp_path / "images-source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "images-source"


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("images", ["images/a", "images/b/c"]),
        ("images/", ["images/a", "images/b/c"]),
        ("./images//", ["images/a", "images/b/c"]),
        ("images/b", ["images/b/c"]),
        ("images/b/c", ["images/b/c"]),
        ("images.txt", ["images.txt"]),
        ("image", ["image"]),
        ("images-old", ["images-old/a"]),
        ("deep", ["deep/images/a"]),
    ],
)
def test_a_prefix_selects_a_folder_or_one_file_only(
    store: Store, images_version: Path, out: Path, prefix: str, expected: list[str]
) -> None:
    version = commit_folder(store, images_version)
    assert store.get(version, out, path_prefix=prefix).written == len(expected)
    assert read_files(out) == {name: name.encode() for name in expected}
    assert [entry.path for entry in store.entries(version, prefix)] == [e for e in expected if e != prefix]


@pytest.mark.parametrize("prefix", ["..", "/etc", "a/../..", "a\\..\\x"])
def test_a_prefix_that_leads_outside_is_refused(store: Store, images_version: Path, out: Path, prefix: str) -> None:
    version = commit_folder(store, images_version)
    with pytest.raises(InvalidPath, match="stays inside"):
        store.get(version, out, path_prefix=prefix)


def test_a_prefix_includes_the_links_and_empty_folders_below_it(store: Store, full_folder: Path, out: Path) -> None:
    (full_folder / "sub" / "empty").mkdir()
    (full_folder / "sub" / "up").symlink_to("../cat")
    version = commit_folder(store, full_folder)
    store.get(version, out, path_prefix="sub")
    assert snapshot(out) == {"sub": None, "sub/dog": b"woof", "sub/empty": None, "sub/up": "../cat"}
    store.get(version, out, path_prefix="empty")
    store.get(version, out, path_prefix="link")
    assert (out / "empty").is_dir() and os.readlink(out / "link") == "sub/dog"
