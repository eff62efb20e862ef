"""Adding to an artifact, removing from it, and its manifest, compared with W&B."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

import artstore as wandb
from artstore import Api, Artifact
from tests.support.files import write_files
from tests.support.wandb_fixtures import entry_paths, log_version, new_draft

pytestmark = pytest.mark.usefixtures("workdir")


@pytest.fixture
def artifact(workdir: Path) -> Artifact:
    write_files(workdir, {"cat.txt": b"meow", "dog.txt": b"woof", "images/a.png": b"a", "images/deep/b.png": b"bb"})
    return Artifact("animals", "dataset")


def files_of(artifact: Artifact) -> dict[str, bytes]:
    """Return the files of a draft after logging it."""
    with wandb.init() as run:
        run.log_artifact(artifact).wait()
    root = Path(artifact.download("all"))
    return {path: (root / path).read_bytes() for path in entry_paths(artifact)}


# Equal: add_file


def test_add_file_returns_the_entry(artifact: Artifact) -> None:
    entry = artifact.add_file(local_path="cat.txt", name="pets/tom.txt")
    assert (entry.path, entry.size, entry.ref, entry.extra) == ("pets/tom.txt", 4, None, {})
    assert (entry.local_path, entry.name) == ("cat.txt", entry.path)
    assert files_of(artifact) == {"pets/tom.txt": b"meow"}


def test_a_file_keeps_its_name_unless_another_is_given(artifact: Artifact) -> None:
    assert artifact.add_file("images/deep/b.png").path == "b.png"
    assert artifact.add_file(Path("images/a.png"), name="").path == "a.png"


def test_add_file_takes_all_its_arguments_by_position(artifact: Artifact) -> None:
    artifact.add_file("cat.txt", "x", False, True, "immutable", False)
    artifact.add_file("dog.txt", "x", False, True, "mutable", True)
    artifact.add_dir("images/deep", "y", False, None, True)
    assert files_of(artifact) == {"x": b"woof", "y/b.png": b"bb"}


@pytest.mark.parametrize("path", ["nowhere", "images"])
def test_add_file_refuses_what_is_not_a_file(artifact: Artifact, path: str) -> None:
    with pytest.raises(ValueError, match=f"Path is not a file: '{path}'"):
        artifact.add_file(path)


@pytest.mark.parametrize("path", ["nowhere", "cat.txt"])
def test_add_dir_refuses_what_is_not_a_folder(artifact: Artifact, path: str) -> None:
    with pytest.raises(ValueError, match=f"Path is not a directory: '{path}'"):
        artifact.add_dir(path)


def test_a_policy_is_mutable_or_immutable(artifact: Artifact) -> None:
    for add in (
        lambda: artifact.add_file("cat.txt", policy="forever"),
        lambda: artifact.add_dir("images", policy="forever"),
        lambda: artifact.new_file("x", policy="forever"),
    ):
        with pytest.raises(ValueError, match=r"Invalid policy 'forever'. Policy may only be `mutable` or `immutable`"):
            add()
    assert entry_paths(artifact) == []


def test_the_same_path_twice_is_refused_unless_equal_or_overwritten(artifact: Artifact) -> None:
    artifact.add_file("cat.txt", name="x")
    artifact.add_file("cat.txt", name="x")
    with pytest.raises(ValueError, match="Cannot add the same path twice: 'x'"):
        artifact.add_file("dog.txt", name="x")
    artifact.add_file("dog.txt", name="x", overwrite=True)
    assert files_of(artifact) == {"x": b"woof"}


def test_is_tmp_names_a_file_by_its_content(artifact: Artifact) -> None:
    one = artifact.add_file("cat.txt", name="media/cat.table.json", is_tmp=True)
    other = artifact.add_file("dog.txt", name="media/cat.table.json", is_tmp=True)
    assert one.path != other.path
    for entry in (one, other):
        folder, _, name = entry.path.rpartition("/")
        stem, _, rest = name.partition(".")
        assert (folder, len(stem), rest) == ("media", 20, "table.json")
        int(stem, 16)
    assert len(entry_paths(artifact)) == 2


def test_a_file_that_changes_after_it_was_added_is_stored_as_it_was(artifact: Artifact) -> None:
    artifact.add_file("cat.txt")
    artifact.add_dir("images")
    Path("cat.txt").write_text("changed")
    Path("images/a.png").unlink()
    assert files_of(artifact) == {"a.png": b"a", "cat.txt": b"meow", "deep/b.png": b"bb"}


def test_files_can_be_added_by_several_threads(artifact: Artifact) -> None:
    def add(number: int) -> None:
        path = Path(f"file{number}")
        path.write_text(str(number))
        artifact.add_file(path)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files_of(artifact) == {f"file{number}": str(number).encode() for number in range(20)}


# Equal: add_dir


def test_add_dir_returns_none_and_adds_everything_below(artifact: Artifact) -> None:
    result: object = artifact.add_dir("images")
    assert result is None
    assert files_of(artifact) == {"a.png": b"a", "deep/b.png": b"bb"}


def test_add_dir_adds_below_a_name(artifact: Artifact) -> None:
    artifact.add_dir(local_path="images", name="x/y")
    artifact.add_dir("images", name="")
    assert entry_paths(artifact) == ["a.png", "deep/b.png", "x/y/a.png", "x/y/deep/b.png"]


def test_add_dir_replaces_only_with_merge_and_never_removes(artifact: Artifact) -> None:
    artifact.add_file("cat.txt", name="a.png")
    artifact.add_file("dog.txt")
    with pytest.raises(ValueError, match=r"Cannot add the same path twice: 'a.png'"):
        artifact.add_dir("images")
    artifact.add_dir("images", merge=True)
    assert files_of(artifact) == {"a.png": b"a", "deep/b.png": b"bb", "dog.txt": b"woof"}


# Equal: new_file, remove, get_added_local_path_name


def test_new_file_writes_text_or_bytes(artifact: Artifact) -> None:
    with artifact.new_file("text.txt", encoding="utf-16") as file:
        file.write("é")
    with artifact.new_file("bytes", mode="wb") as file:
        file.write(b"\x00\xff")
    assert files_of(artifact) == {"bytes": b"\x00\xff", "text.txt": "é".encode("utf-16")}


def test_new_file_replaces_only_with_the_mode_for_it(artifact: Artifact) -> None:
    artifact.add_file("cat.txt")
    with pytest.raises(ValueError, match=r"File with name 'cat.txt' already exists"), artifact.new_file("cat.txt"):
        pass
    with artifact.new_file("cat.txt", mode="w") as file:
        file.write("purr")
    assert files_of(artifact) == {"cat.txt": b"purr"}


def test_new_file_keeps_no_file_of_a_block_that_fails(artifact: Artifact) -> None:
    artifact.add_file("cat.txt")
    with pytest.raises(ZeroDivisionError), artifact.new_file("dog.txt") as file:
        file.write(str(1 // 0))
    with pytest.raises(UnicodeEncodeError), artifact.new_file("rat.txt", encoding="ascii") as file:
        file.write("é")
    with pytest.raises(ZeroDivisionError), artifact.new_file("cat.txt", mode="w") as file:
        file.write(str(1 // 0))
    assert files_of(artifact) == {"cat.txt": b"meow"}


def test_remove_takes_a_path_an_entry_or_a_folder(artifact: Artifact) -> None:
    artifact.add_dir("images", name="images")
    entry = artifact.add_file("cat.txt")
    artifact.add_file("dog.txt", name="images-old")
    artifact.remove(entry)
    assert entry_paths(artifact) == ["images-old", "images/a.png", "images/deep/b.png"]
    artifact.remove("images/a.png")
    artifact.remove(Path("images"))
    assert entry_paths(artifact) == ["images-old"]


def test_removing_a_missing_path_is_a_file_not_found_error(artifact: Artifact) -> None:
    artifact.add_dir("images", name="images")
    for path in ("cat.txt", "image", "images/a"):
        with pytest.raises(FileNotFoundError, match=path):
            artifact.remove(path)


def test_the_entry_path_of_a_local_file_is_known(artifact: Artifact) -> None:
    artifact.add_file("cat.txt", name="pets/tom.txt")
    artifact.add_dir("images", name="pictures")
    assert artifact.get_added_local_path_name("cat.txt") == "pets/tom.txt"
    assert artifact.get_added_local_path_name(os.path.abspath("cat.txt")) == "pets/tom.txt"
    assert artifact.get_added_local_path_name("images/deep/b.png") == "pictures/deep/b.png"
    assert artifact.get_added_local_path_name("dog.txt") is None


# Equal: the manifest and its entries


def test_a_manifest_lists_counts_and_finds_entries(artifact: Artifact) -> None:
    artifact.add_dir("images", name="images")
    artifact.add_file("cat.txt")
    for found in (artifact.manifest, log_version("other", files={"images/a.png": b"a"}).manifest):
        assert found.version() == 1
        assert found.get_entry_by_path("images/a.png") is found.entries["images/a.png"]
        assert found.get_entry_by_path("images") is None
    manifest = artifact.manifest
    assert list(manifest.entries) == ["cat.txt", "images/a.png", "images/deep/b.png"]
    assert (len(manifest), manifest.size(), manifest.digest()) == (3, 7, artifact.digest)
    assert [entry.path for entry in manifest.get_entries_in_directory("images")] == [
        "images/a.png",
        "images/deep/b.png",
    ]
    assert manifest.get_entries_in_directory("image") == []


def test_a_manifest_is_exported_in_the_format_of_wandb() -> None:
    artifact = log_version(files={"cat.txt": b"meow"})
    written = json.loads(json.dumps(artifact.manifest.to_manifest_json()))
    assert written["version"] == 1
    assert written["storagePolicy"] == "wandb-storage-policy-v1"
    assert written["contents"] == {"cat.txt": {"digest": artifact.get_entry("cat.txt").digest, "size": 4}}


def test_the_digest_of_a_manifest_covers_paths_and_contents_only() -> None:
    assert (
        log_version("one", files={"b": b"2", "a": b"1"}).digest
        == log_version("two", "model", files={"a": b"1", "b": b"2"}).digest
    )
    assert new_draft(a="1", b="2").digest != new_draft(a="2", b="1").digest


def test_an_entry_of_a_version_is_found_downloaded_and_knows_its_artifact() -> None:
    artifact = log_version(files={"images/a.png": b"a", "cat.txt": b"meow"})
    for entry in (artifact.get_entry("images/a.png"), artifact.get_path("images//a.png")):
        assert Path(entry.download("here")) == Path("here/images/a.png")
        assert entry.parent_artifact() is artifact
        assert entry.ref_url().startswith("wandb-artifact://")
    assert Path(artifact.get_entry("cat.txt").download(skip_cache=True)).read_text() == "meow"
    assert not Path("here/cat.txt").exists()


@pytest.mark.parametrize("kind", [KeyError, FileNotFoundError, wandb.CommError])
def test_a_missing_entry_is_a_key_error(kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"Path not contained in artifact: dog.txt"):
        log_version().get_entry("dog.txt")


def test_only_references_have_a_target() -> None:
    with pytest.raises(ValueError, match=r"Only reference entries support ref_target\(\)"):
        log_version().get_entry("cat.txt").ref_target()


def test_a_reference_needs_a_scheme(artifact: Artifact) -> None:
    with pytest.raises(ValueError, match=r"References must be URIs. To reference a local file, use file://"):
        artifact.add_reference("cat.txt")


def test_an_entry_of_another_artifact_can_be_referenced(artifact: Artifact) -> None:
    dog = log_version("dogs", files={"dog.txt": b"woof"}).get_entry("dog.txt")
    [entry] = artifact.add_reference(dog, name="pets/dog.txt")
    assert entry.path == "pets/dog.txt"
    artifact.add_reference(dog)
    with wandb.init() as run:
        run.log_artifact(artifact)
    assert Path(artifact.download(), "pets/dog.txt").read_bytes() == b"woof"
    assert entry_paths(artifact) == ["dog.txt", "pets/dog.txt"]
    with pytest.raises(wandb.CommError):
        Api().artifact("dogs:v0").delete(delete_aliases=True)


def test_the_url_of_an_entry_can_be_referenced_like_the_entry(artifact: Artifact) -> None:
    dog = log_version("dogs", files={"pets/dog 1.txt": b"woof"}).get_entry("pets/dog 1.txt")
    [entry] = artifact.add_reference(dog.ref_url(), name="dog.txt")
    assert (entry.path, entry.ref, entry.digest) == ("dog.txt", None, dog.digest)
    with wandb.init() as run:
        run.log_artifact(artifact)
    assert Path(artifact.download(), "dog.txt").read_bytes() == b"woof"
    assert [dependency.name for dependency in artifact.dependencies()] == ["dogs:v0"]
    with pytest.raises(wandb.CommError, match="no artifact 'nothing'"):
        wandb.Artifact("other", "dataset").add_reference("wandb-artifact://local/uncategorized/nothing:v3/x")


def test_an_error_for_a_missing_path_says_where_to_look() -> None:
    animals = log_version(project="zoo")
    animals.link("wandb-registry-pets/animals")
    with pytest.raises(wandb.CommError, match="in project 'uncategorized': there is 'zoo/animals'"):
        Api().artifact("animals:latest")
    with pytest.raises(KeyError, match="`artstore ls zoo/animals:v0`"):
        animals.get_entry("fox.txt")


def test_the_manifest_of_a_draft_can_be_edited_and_read_from_json() -> None:
    version = log_version(files={"a.txt": b"a", "b.txt": b"b"})
    draft = Artifact("copy", "dataset")
    entry = version.get_entry("a.txt")
    draft.manifest.add_entry(entry)
    draft.manifest.add_entry(entry)
    draft.manifest.add_entry(version.get_entry("b.txt"))
    draft.manifest.remove_entry(draft.manifest.entries["b.txt"])
    with pytest.raises(FileNotFoundError, match=r"Cannot remove missing entry: 'b.txt'"):
        draft.manifest.remove_entry(version.get_entry("b.txt"))
    other = log_version("other", files={"a.txt": b"different"}).get_entry("a.txt")
    with pytest.raises(ValueError, match=r"Cannot add the same path twice: 'a.txt'"):
        draft.manifest.add_entry(other)
    draft.manifest.add_entry(other, overwrite=True)
    assert files_of(draft) == {"a.txt": b"different"}
    with pytest.raises(AttributeError, match="finalized artifact"):
        version.manifest.remove_entry(entry)


def test_a_manifest_is_read_from_the_json_of_another() -> None:
    version = log_version(files={"a.txt": b"a", "sub/b.txt": b"b"})
    read = version.manifest.from_manifest_json(json.loads(json.dumps(version.manifest.to_manifest_json())))
    assert list(read.entries) == ["a.txt", "sub/b.txt"] and read.size() == 2
    assert (read.digest(), read.digest_algorithm) == (version.digest, "blake3")
    read.remove_entry(read.entries["a.txt"])
    assert read.digest() == log_version("part", files={"sub/b.txt": b"b"}).digest
    with pytest.raises(ValueError, match="Must contain version field"):
        read.from_manifest_json({})
    with pytest.raises(ValueError, match="Invalid manifest version"):
        read.from_manifest_json({"version": 2})


# Different on purpose


def test_a_bare_new_file_reserves_an_empty_file(artifact: Artifact) -> None:
    artifact.new_file("hello.txt")
    assert files_of(artifact) == {"hello.txt": b""}


def test_empty_folders_links_and_the_executable_bit_are_kept() -> None:
    folder = write_files(Path("folder"), {"run.sh": b"#!/bin/sh\n", "data/x": b"x"})
    (folder / "run.sh").chmod(0o755)
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("data/x")
    artifact = Artifact("animals", "dataset")
    artifact.add_dir(folder)
    with wandb.init() as run:
        run.log_artifact(artifact)
    root = Path(artifact.download())
    assert (root / "empty").is_dir()
    assert os.readlink(root / "link") == "data/x"
    assert os.access(root / "run.sh", os.X_OK)


def test_add_dir_leaves_the_store_out(artifact: Artifact) -> None:
    artifact.add_dir(".")
    assert entry_paths(artifact) == ["cat.txt", "dog.txt", "images/a.png", "images/deep/b.png"]


def test_a_refused_add_adds_nothing(artifact: Artifact) -> None:
    artifact.add_file("cat.txt", name="deep")
    with pytest.raises(ValueError, match="deep"):
        artifact.add_dir("images")
    assert entry_paths(artifact) == ["deep"]
