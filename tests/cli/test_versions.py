"""Versions on the command line are put, downloaded and listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli_runner import json_of, output_of, put_two_versions, run

pytestmark = pytest.mark.usefixtures("workspace")


def test_a_folder_is_put_and_downloaded(workspace: Path) -> None:
    assert output_of("put", "animals", "--name", "animals", "--type", "dataset") == (
        "animals:v0  2 entries  300.0 kB  (new)\n"
    )
    assert output_of("get", "animals") == "artifacts/animals:v0  2 files written, 0 kept\n"
    for name in ("cat.jpg", "dog.jpg"):
        assert (workspace / "artifacts/animals:v0" / name).read_bytes() == (workspace / "animals" / name).read_bytes()
    assert output_of("get", "animals:v0") == "artifacts/animals:v0  0 files written, 2 kept\n"


def test_the_same_folder_again_is_unchanged() -> None:
    put_two_versions()
    assert output_of("put", "animals", "--name", "animals") == "animals:v1  3 entries  600.0 kB  (unchanged)\n"
    assert json_of("put", "animals", "--name", "animals")["new"] is False


def test_put_keeps_all_its_options() -> None:
    version = json_of(
        *("put", "animals/cat.jpg", "--name", "cat", "--type", "image", "--project", "zoo", "--as", "big/cat.jpg"),
        *("--alias", "best", "--alias", "first", "--tag", "fur", "--ttl", "30d"),
        *("--description", "a cat", "--metadata", '{"legs": 4}'),
    )
    assert version["new"] is True
    assert version["aliases"] == ["latest", "best", "first"]
    assert version["tags"] == ["fur"]
    assert version["ttl_seconds"] == 30 * 86400
    assert (version["project"], version["description"], version["metadata"]) == ("zoo", "a cat", {"legs": 4})
    assert [entry["path"] for entry in json_of("ls", "zoo/cat:best")] == ["big/cat.jpg"]


def test_a_folder_is_put_below_a_path_and_downloaded_in_part() -> None:
    output_of("put", "animals", "--name", "animals", "--type", "dataset", "--as", "train/wild")
    assert (
        output_of("get", "animals", "--root", "out", "--path", "train/wild/cat.jpg") == "out  1 file written, 0 kept\n"
    )
    assert [path.name for path in Path("out").rglob("*.jpg")] == ["cat.jpg"]
    nothing = run("get", "animals", "--root", "none", "--path", "train/tame")
    assert (nothing.exit_code, nothing.stderr) == (1, "animals:v0 has nothing at or below 'train/tame'\n")
    assert not Path("none").exists()


def test_ls_lists_collections_versions_and_entries() -> None:
    put_two_versions()
    assert [line.split() for line in output_of("ls").splitlines()][2] == (
        ["uncategorized", "animals", "dataset", "v1", "2", "600.0", "kB"]
    )
    assert output_of("ls", "animals").splitlines()[2:] == [
        "animals:v1  latest, best  just now        3  600.0 kB",
        "animals:v0                just now        2  300.0 kB",
    ]
    assert [line.split()[-1] for line in output_of("ls", "animals:v0").splitlines()] == ["cat.jpg", "dog.jpg"]
    assert json_of("ls") == [
        {
            "project": "uncategorized",
            "collection": "animals",
            "type": "dataset",
            "newest": "v1",
            "versions": 2,
            "size": 600_000,
        }
    ]
    assert [version["version"] for version in json_of("ls", "animals")] == ["v1", "v0"]
    assert json_of("ls", "animals:v0")[0]["kind"] == "file"
    assert json_of("ls", "--project", "zoo") == []


def test_links_and_empty_folders_are_listed_by_their_kind(workspace: Path) -> None:
    (workspace / "animals/empty").mkdir()
    (workspace / "animals/puss.jpg").symlink_to("cat.jpg")
    output_of("put", "animals", "--name", "animals", "--type", "dataset")
    lines = [line.split() for line in output_of("ls", "animals:v0").splitlines()]
    assert lines[2:] == [["folder", "empty/"], ["link", "puss.jpg", "->", "cat.jpg"]]


def test_names_cannot_rewrite_the_screen(workspace: Path) -> None:
    name, shown = "\x1b[2Jgone\n\u202egpj", "\\x1b[2Jgone\\n\\u202egpj"
    output_of("put", "animals", "--name", "animals", "--type", "dataset")
    (workspace / "animals" / name).write_text("x")
    output_of("put", "animals", "--name", "animals")
    assert output_of("ls", "animals:v1").splitlines()[0].endswith(shown)
    compared = run("diff", "animals:v0", "animals:v1").stdout
    assert shown in compared
    for text in (compared, *(output_of(verb, "animals:v1") for verb in ("ls", "show", "du", "status"))):
        assert not {"\x1b", "\u202e"} & set(text)
    assert json_of("ls", "animals:v1")[0]["path"] == name
    output_of("get", "animals:v1", "--root", "out")
    assert (workspace / "out" / name).read_text() == "x"
