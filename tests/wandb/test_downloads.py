"""Downloading, checking out, verifying and listing files, compared with W&B."""

from __future__ import annotations

from pathlib import Path

import pytest

import artstore as wandb
from artstore import Api, Artifact
from artstore.errors import ArtstoreError
from tests.support.files import tree_of, write_files
from tests.support.wandb_fixtures import log_version, new_draft

pytestmark = pytest.mark.usefixtures("workdir")

FILES = {"images/cat.png": b"cat", "images/dog.png": b"dog", "images-old/cat.png": b"old cat", "labels.csv": b"a,b\n"}


def paths_below(folder: str | Path) -> set[str]:
    return set(tree_of(Path(folder)))


# Equal: download


def test_a_download_returns_the_folder_as_a_string() -> None:
    root = log_version(files=FILES).download()
    assert type(root) is str
    assert Path(root) == Path.cwd() / "artifacts" / "animals:v0"
    assert {path: (Path(root) / path).read_bytes() for path in FILES} == FILES
    assert paths_below(root) == set(FILES)


def test_the_folder_of_downloads_is_set_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = log_version()
    monkeypatch.setenv("WANDB_ARTIFACT_DIR", "downloads")
    assert Path(artifact.download()) == Path.cwd() / "downloads" / "animals:v0"
    monkeypatch.setenv("ARTSTORE_ARTIFACT_DIR", str(Path.cwd() / "ours"))
    assert Path(artifact.download()) == Path.cwd() / "ours" / "animals:v0"


def test_a_download_takes_all_the_arguments_of_wandb() -> None:
    artifact = log_version(files=FILES)
    root = artifact.download(
        root="here", allow_missing_references=True, skip_cache=True, path_prefix="images", multipart=False
    )
    assert root == "here"
    assert paths_below("here") == {"images/cat.png", "images/dog.png"}


def test_a_download_keeps_other_files_and_repairs_its_own() -> None:
    artifact = log_version(files=FILES)
    write_files(Path("here"), {"labels.csv": b"wrong", "notes.txt": b"mine"})
    artifact.download("here")
    assert Path("here/labels.csv").read_bytes() == b"a,b\n"
    assert paths_below("here") == {*FILES, "notes.txt"}


def test_a_part_of_an_artifact_is_downloaded_by_its_path() -> None:
    artifact = log_version(files=FILES)
    artifact.download("file", path_prefix="labels.csv")
    assert paths_below("file") == {"labels.csv"}
    artifact.download("folder", path_prefix=Path("images"))
    assert paths_below("folder") == {"images/cat.png", "images/dog.png"}
    artifact.download("all", path_prefix="")
    assert paths_below("all") == set(FILES)


def test_an_artifact_found_by_an_alias_is_downloaded_to_the_folder_of_its_version() -> None:
    log_version(aliases=["best"])
    assert Path(Api().artifact("animals:best").download()).name == "animals:v0"


# Equal: checkout


def test_a_checkout_removes_files_that_are_not_in_the_artifact() -> None:
    artifact = log_version(files=FILES)
    write_files(Path("here"), {"images/cat.png": b"wrong", "notes.txt": b"mine", "more/of/it": b"mine"})
    assert artifact.checkout("here") == "here"
    assert paths_below("here") == set(FILES)


def test_a_checkout_goes_to_a_folder_named_without_the_version() -> None:
    log_version(files={"cat.txt": b"meow"}).checkout()
    root = log_version(files={"dog.txt": b"woof"}).checkout()
    assert Path(root) == Path.cwd() / "artifacts" / "animals"
    assert paths_below(root) == {"dog.txt"}


# Equal: verify


def test_a_valid_download_is_verified_silently() -> None:
    artifact = log_version(files=FILES)
    artifact.download()
    artifact.verify()
    artifact.download("here")
    artifact.verify(root="here")


def test_a_stray_file_does_not_verify() -> None:
    artifact = log_version()
    write_files(Path(artifact.download()), {"stray.txt": b"x"})
    with pytest.raises(ValueError, match=r"Found file .*stray.txt.* which is not a member of artifact"):
        artifact.verify()


def test_a_changed_file_does_not_verify() -> None:
    artifact = log_version()
    Path(artifact.download(), "cat.txt").write_bytes(b"woof")
    with pytest.raises(ValueError, match=r"Digest mismatch for file: 'cat.txt'"):
        artifact.verify()


def test_a_missing_file_does_not_verify() -> None:
    artifact = log_version(files={"cat.txt": b"meow", "dog.txt": b"woof"})
    Path(artifact.download(), "cat.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"cat.txt"):
        artifact.verify()


# Equal: file and files


def test_an_artifact_of_one_file_is_that_file() -> None:
    artifact = log_version(files={"models/best.pt": b"weights"})
    assert Path(artifact.file()) == Path.cwd() / "artifacts" / "animals:v0" / "models" / "best.pt"
    assert Path(artifact.file("here")).read_bytes() == b"weights"


def test_an_artifact_of_several_files_is_not_one_file() -> None:
    with pytest.raises(ValueError, match=r"contains more than one file, call `.download\(\)`"):
        log_version(files=FILES).file()


def test_files_are_listed_with_their_sizes_and_can_be_downloaded_one_by_one() -> None:
    files = log_version(files=FILES).files(per_page=3)
    assert len(files) == 4
    assert {file.name: file.size for file in files} == {path: len(content) for path, content in FILES.items()}
    with files[0].download(root="here") as opened:
        assert opened.read() == FILES[files[0].name].decode()
    assert paths_below("here") == {files[0].name}
    with pytest.raises(ValueError, match="exist_ok"):
        files[0].download(root="here")
    files[0].download(root="here", exist_ok=True).close()
    files[0].download(root="here", replace=True).close()


def test_some_files_are_listed_by_name() -> None:
    files = log_version(files=FILES).files(names=["labels.csv"])
    assert [file.name for file in files] == ["labels.csv"]


# Different on purpose


def test_a_prefix_ends_at_a_slash() -> None:
    artifact = log_version(files=FILES)
    artifact.download("here", path_prefix="images/")
    assert paths_below("here") == {"images/cat.png", "images/dog.png"}
    with pytest.raises(ArtstoreError, match="ima"):
        artifact.download("nothing", path_prefix="ima")


def test_a_changed_file_of_the_same_size_is_downloaded_again() -> None:
    """W&B trusts the size of a cached file, and the time of a downloaded one."""
    artifact = log_version(files={"cat.txt": b"meow"})
    path = Path(artifact.download(), "cat.txt")
    path.write_bytes(b"EVIL")
    artifact.download()
    assert path.read_bytes() == b"meow"


def test_skip_cache_does_not_mix_up_files() -> None:
    """In W&B a later download of a file of the same size returned the bytes of the first."""
    one, other = log_version("one", files={"x": b"A" * 10}), log_version("other", files={"y": b"B" * 10})
    one.download(skip_cache=True)
    assert Path(other.download(), "y").read_bytes() == b"B" * 10
    assert Path(one.download(), "x").read_bytes() == b"A" * 10


def test_wrong_bytes_are_never_written() -> None:
    artifact = log_version(files={"cat.txt": b"meow" * 1000})
    [pack] = Path(".artstore/packs").iterdir()
    content = pack.read_bytes()
    pack.write_bytes(content.replace(b"meowmeow", b"woofwoof"))
    with pytest.raises(ArtstoreError):
        artifact.download("here")
    assert not Path("here/cat.txt").exists()


def test_a_missing_file_is_a_value_error() -> None:
    artifact = log_version()
    Path(artifact.download(), "cat.txt").unlink()
    with pytest.raises(ValueError, match=r"cat.txt"):
        artifact.verify()


def test_a_checkout_leaves_no_empty_folders_and_keeps_those_of_the_artifact() -> None:
    Path("folder/empty").mkdir(parents=True)
    artifact = Artifact("animals", "dataset")
    artifact.add_dir("folder")
    with wandb.init() as run:
        run.log_artifact(artifact)
    write_files(Path("here"), {"old/folder/file": b"x"})
    artifact.checkout("here")
    assert [path.name for path in Path("here").iterdir()] == ["empty"]


def test_a_checkout_over_the_store_is_refused() -> None:
    artifact = log_version()
    with pytest.raises(OSError, match="holds the store"):
        artifact.checkout(".")
    assert Path(artifact.download(), "cat.txt").exists()


def test_a_download_never_leaves_its_folder_through_a_link() -> None:
    artifact = log_version(files={"images/cat.png": b"cat"})
    Path("outside").mkdir()
    Path("here").mkdir()
    Path("here/images").symlink_to(Path("outside").absolute(), target_is_directory=True)
    with pytest.raises(OSError, match="images"):
        artifact.download("here")
    assert list(Path("outside").iterdir()) == []


def test_an_empty_artifact_is_downloaded_as_an_empty_folder() -> None:
    with wandb.init() as run:
        artifact = run.log_artifact(new_draft())
    assert list(Path(artifact.download()).iterdir()) == []
