"""Versions on the command line: they go in, come back, and are listed, compared and named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli_runner import data, done, run, settle, two_versions


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with two animals in it, and no store."""
    return settle(tmp_path, monkeypatch)


def test_a_folder_goes_in_and_comes_back(here: Path) -> None:
    assert done("put", "animals", "--name", "animals", "--type", "dataset") == (
        "animals:v0  2 entries  300.0 kB  (new)\n"
    )
    assert done("get", "animals") == "artifacts/animals:v0  2 files written, 0 kept\n"
    for name in ("cat.jpg", "dog.jpg"):
        assert (here / "artifacts/animals:v0" / name).read_bytes() == (here / "animals" / name).read_bytes()
    assert done("get", "animals:v0") == "artifacts/animals:v0  0 files written, 2 kept\n"


def test_the_same_folder_again_is_unchanged() -> None:
    two_versions()
    assert done("put", "animals", "--name", "animals") == "animals:v1  3 entries  600.0 kB  (unchanged)\n"
    assert data("put", "animals", "--name", "animals")["new"] is False


def test_put_keeps_everything_it_is_told() -> None:
    told = data(
        *("put", "animals/cat.jpg", "--name", "cat", "--type", "image", "--project", "zoo", "--as", "big/cat.jpg"),
        *("--alias", "best", "--alias", "first", "--tag", "fur", "--ttl", "30d"),
        *("--description", "a cat", "--metadata", '{"legs": 4}'),
    )
    assert told["new"] is True
    assert told["aliases"] == ["latest", "best", "first"]
    assert told["tags"] == ["fur"]
    assert told["ttl_seconds"] == 30 * 86400
    assert (told["project"], told["description"], told["metadata"]) == ("zoo", "a cat", {"legs": 4})
    assert [entry["path"] for entry in data("ls", "zoo/cat:best")] == ["big/cat.jpg"]


def test_a_folder_can_go_below_a_path_and_come_back_in_part() -> None:
    done("put", "animals", "--name", "animals", "--type", "dataset", "--as", "train/wild")
    assert done("get", "animals", "--root", "out", "--path", "train/wild/cat.jpg") == "out  1 file written, 0 kept\n"
    assert [path.name for path in Path("out").rglob("*.jpg")] == ["cat.jpg"]
    nothing = run("get", "animals", "--root", "none", "--path", "train/tame")
    assert (nothing.exit_code, nothing.stderr) == (1, "animals:v0 has nothing at or below 'train/tame'\n")
    assert not Path("none").exists()


def test_ls_lists_collections_versions_and_entries() -> None:
    two_versions()
    assert [line.split() for line in done("ls").splitlines()][2] == (
        ["uncategorized", "animals", "dataset", "v1", "2", "600.0", "kB"]
    )
    assert done("ls", "animals").splitlines()[2:] == [
        "animals:v1  latest, best  just now        3  600.0 kB",
        "animals:v0                just now        2  300.0 kB",
    ]
    assert [line.split()[-1] for line in done("ls", "animals:v0").splitlines()] == ["cat.jpg", "dog.jpg"]
    assert data("ls") == [
        {
            "project": "uncategorized",
            "collection": "animals",
            "type": "dataset",
            "newest": "v1",
            "versions": 2,
            "size": 600_000,
        }
    ]
    assert [each["version"] for each in data("ls", "animals")] == ["v1", "v0"]
    assert data("ls", "animals:v0")[0]["kind"] == "file"
    assert data("ls", "--project", "zoo") == []


def test_links_and_empty_folders_are_listed_as_what_they_are(here: Path) -> None:
    (here / "animals/empty").mkdir()
    (here / "animals/puss.jpg").symlink_to("cat.jpg")
    done("put", "animals", "--name", "animals", "--type", "dataset")
    lines = [line.split() for line in done("ls", "animals:v0").splitlines()]
    assert lines[2:] == [["folder", "empty/"], ["link", "puss.jpg", "->", "cat.jpg"]]


def test_names_cannot_rewrite_the_screen(here: Path) -> None:
    (here / "animals/\x1b[2Jgone\n\u202egpj").write_text("x")
    done("put", "animals", "--name", "animals", "--type", "dataset")
    assert done("ls", "animals:v0").splitlines()[0].endswith("\\x1b[2Jgone\\n\\u202egpj")
