"""References on the command line: made, listed, compared with what is there now, written out and taken in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli_runner import data, done, run, settle


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with two animals in it, and no store."""
    return settle(tmp_path, monkeypatch)


def ref(here: Path, *arguments: str) -> str:
    """Track the animals; what that prints."""
    return done("ref", f"file://{here}/animals", "--name", "animals", "--type", "dataset", *arguments)


def test_ref_makes_a_version_and_a_new_one_only_if_something_changed(here: Path) -> None:
    assert ref(here, "--alias", "best", "--metadata", '{"a": 1}') == "animals:v0  2 entries  300.0 kB  (new)\n"
    assert ref(here) == "animals:v0  2 entries  300.0 kB  (unchanged)\n"
    Path("animals/rat.jpg").write_bytes(b"rat")
    told = data("ref", f"file://{here}/animals", "--name", "animals", "--tag", "wild", "--description", "zoo")
    assert (told["version"], told["new"], told["tags"], told["description"]) == ("v1", True, ["wild"], "zoo")
    assert data("show", "animals:best")["metadata"] == {"a": 1}


def test_ref_lands_where_it_is_told_to_and_not_beyond_a_limit(here: Path) -> None:
    refused = run("ref", f"file://{here}/animals", "--name", "n", "--type", "t", "--max-objects", "1")
    assert refused.exit_code == 2 and "more than 1 object below" in refused.stderr
    assert data("ls") == []
    ref(here, "--as", "far/away")
    assert [each["path"] for each in data("ls", "animals:latest")] == ["far/away/cat.jpg", "far/away/dog.jpg"]


def test_ref_makes_no_store_for_what_is_no_uri() -> None:
    assert run("ref", "animals", "--name", "animals", "--type", "dataset").exit_code == 2
    assert not Path(".artstore").exists()


def test_lists_tell_where_references_lead_and_what_pins_them(here: Path) -> None:
    ref(here)
    done("ref", "s3://bucket/x.bin", "--name", "far", "--type", "dataset", "--no-checksum")
    first, _ = done("ls", "animals:v0").splitlines()
    assert first.startswith("200.0 kB  blake3:") and first.endswith(f"  cat.jpg -> file://{here}/animals/cat.jpg")
    assert done("ls", "far:v0").split() == ["unpinned", "x.bin", "->", "s3://bucket/x.bin"]
    assert f"  tracks       file://{here}/animals/\n" in done("show", "animals")
    assert data("show", "animals")["prefixes"] == [f"file://{here}/animals/"]
    assert done("du", "animals").splitlines()[-1].split() == ["animals:v0", "300.0", "kB", "0", "B", "0", "B"]


def test_diff_and_log_tell_what_changed_in_a_place(here: Path) -> None:
    ref(here)
    Path("animals/cat.jpg").rename("animals/tom.jpg")
    Path("animals/dog.jpg").write_bytes(b"dog")
    ref(here)
    told = run("diff", "animals")
    assert told.exit_code == 1
    assert told.stdout.splitlines() == ["changed  dog.jpg  100.0 kB -> 3 B", "renamed  cat.jpg -> tom.jpg"]
    assert "~1 >1" in done("log", "animals")


def test_status_tells_what_became_of_each_and_the_exit_code_whether_anything_did(here: Path) -> None:
    ref(here)
    assert done("status", "animals") == "animals:v0  2 unchanged, 0 changed, 0 missing, 0 new\n"
    Path("animals/cat.jpg").write_bytes(b"cat")
    Path("animals/dog.jpg").unlink()
    Path("animals/rat.jpg").write_bytes(b"rat")
    told = run("status", "animals:v0")
    assert told.exit_code == 1
    *lines, last = told.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["changed", "cat.jpg"],
        ["missing", "dog.jpg"],
        ["new", f"file://{here}/animals/rat.jpg"],
    ]
    assert lines[0].endswith(" -> 3 bytes")
    assert last == "animals:v0  0 unchanged, 1 changed, 1 missing, 1 new"


def test_status_of_what_refers_to_nothing_is_no_difference() -> None:
    done("put", "animals", "--name", "animals", "--type", "dataset")
    result = run("status", "animals")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "animals:v0 has no references\n"
    assert data("status", "animals") == {"name": "animals:v0", "unchanged": 0, "changed": [], "missing": [], "new": []}


def test_get_writes_what_is_there_and_says_what_is_not(here: Path) -> None:
    ref(here)
    Path("animals/dog.jpg").unlink()
    refused = run("get", "animals")
    assert refused.exit_code == 2 and "'dog.jpg' of animals:v0" in refused.stderr
    kept = "artifacts/animals:v0  0 files written, 1 kept, 1 missing\n"
    assert done("get", "animals", "--allow-missing-references") == kept
    assert data("get", "animals", "--allow-missing-references")["missing"] == 1


def test_get_materialize_takes_the_bytes_in_and_writes_the_version_that_has_them(here: Path) -> None:
    ref(here, "--metadata", '{"a": 1}')
    assert done("get", "animals:v0", "--materialize") == "artifacts/animals:v1  2 files written, 0 kept\n"
    Path("animals/dog.jpg").unlink()
    assert done("get", "animals", "--root", "again") == "again  2 files written, 0 kept\n"
    assert data("show", "animals")["metadata"] == {"a": 1}
    assert data("show", "animals")["owned_bytes"] == 300_000
    assert done("get", "animals", "--materialize", "--root", "again") == "again  0 files written, 2 kept\n"
    assert run("status", "animals").exit_code == 0
