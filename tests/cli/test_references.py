"""References on the command line are created, listed, checked, downloaded and materialized."""

from __future__ import annotations

from pathlib import Path

import pytest

import artstore
from artstore.drivers import retrying
from artstore.errors import PathConflict
from tests.support.cli_runner import json_of, output_of, run

pytestmark = pytest.mark.usefixtures("workspace")


def ref(workspace: Path, *arguments: str) -> str:
    """Track the animals; return what that prints."""
    return output_of("ref", f"file://{workspace}/animals", "--name", "animals", "--type", "dataset", *arguments)


def test_ref_creates_a_version_only_if_something_changed(workspace: Path) -> None:
    assert ref(workspace, "--alias", "best", "--metadata", '{"a": 1}') == "animals:v0  2 entries  300.0 kB  (new)\n"
    assert ref(workspace) == "animals:v0  2 entries  300.0 kB  (unchanged)\n"
    Path("animals/rat.jpg").write_bytes(b"rat")
    result = json_of("ref", f"file://{workspace}/animals", "--name", "animals", "--tag", "wild", "--description", "zoo")
    assert (result["version"], result["new"], result["tags"], result["description"]) == ("v1", True, ["wild"], "zoo")
    assert json_of("show", "animals:best")["metadata"] == {"a": 1}


def test_ref_uses_the_given_path_and_respects_a_limit(workspace: Path) -> None:
    refused = run("ref", f"file://{workspace}/animals", "--name", "n", "--type", "t", "--max-objects", "1")
    assert refused.exit_code == 2 and "more than 1 object below" in refused.stderr
    ref(workspace, "--as", "far/away")
    assert [entry["path"] for entry in json_of("ls", "animals:latest")] == ["far/away/cat.jpg", "far/away/dog.jpg"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["animals"],
        ["file:///nowhere/at/all"],
        ["file:///nowhere/at/all", "--no-checksum"],
        ["file://animals", "--max-objects", "1"],
        ["lake://host/x"],
        ["http://127.0.0.1:1/x"],
        ["http://127.0.0.1:1/x/", "--no-checksum"],
        ["https://host/x?token=S3CRET"],
        ["s3:///x"],
    ],
)
def test_a_failed_ref_creates_no_store(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "PAUSES", ())
    result = run("ref", *arguments, "--name", "animals", "--type", "dataset")
    assert result.exit_code == 2 and "created the store" not in result.stderr
    assert not Path(".artstore").exists()


def test_objects_of_one_name_need_another_path(workspace: Path) -> None:
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "x.csv").write_text(folder)
    artifact = artstore.Artifact("tables", "dataset")
    artifact.add_reference(f"file://{workspace}/a/x.csv")
    with pytest.raises(
        PathConflict, match=r"'x\.csv' is in .*; pass name=\.\.\. to add 'file://.*/b/x\.csv' under another"
    ):
        artifact.add_reference(f"file://{workspace}/b/x.csv")
    with pytest.raises(PathConflict, match="pass another name to add"):
        artifact.add_reference(f"file://{workspace}/b/x.csv", name="x.csv")
    with pytest.raises(PathConflict, match=r"'x\.csv' is a reference in .*; pass another name"):
        artifact.add_reference(f"file://{workspace}/b/x.csv", name="x.csv/b")
    artifact.add_reference(f"file://{workspace}/b/x.csv", name="b/x.csv")
    assert sorted(artifact.manifest.entries) == ["b/x.csv", "x.csv"]


def test_listings_show_uris_and_their_pins(workspace: Path) -> None:
    ref(workspace)
    output_of("ref", "s3://bucket/x.bin", "--name", "far", "--type", "dataset", "--no-checksum")
    first, _ = output_of("ls", "animals:v0").splitlines()
    assert first.startswith("200.0 kB  blake3:") and first.endswith(f"  cat.jpg -> file://{workspace}/animals/cat.jpg")
    assert output_of("ls", "far:v0").split() == ["unpinned", "x.bin", "->", "s3://bucket/x.bin"]
    assert f"  tracks       file://{workspace}/animals/\n" in output_of("show", "animals")
    assert json_of("show", "animals")["prefixes"] == [f"file://{workspace}/animals/"]
    assert output_of("du", "animals").splitlines()[-1].split() == ["animals:v0", "300.0", "kB", "0", "B", "0", "B"]


def test_diff_and_log_show_changes_of_references(workspace: Path) -> None:
    ref(workspace)
    Path("animals/cat.jpg").rename("animals/tom.jpg")
    Path("animals/dog.jpg").write_bytes(b"dog")
    ref(workspace)
    result = run("diff", "animals")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == ["changed  dog.jpg  100.0 kB -> 3 B", "renamed  cat.jpg -> tom.jpg"]
    assert "~1 >1" in output_of("log", "animals")


def test_status_shows_the_state_of_each_reference_and_the_exit_code_any_change(workspace: Path) -> None:
    ref(workspace)
    assert output_of("status", "animals") == "animals:v0  2 unchanged, 0 changed, 0 missing, 0 new\n"
    Path("animals/cat.jpg").write_bytes(b"cat")
    Path("animals/dog.jpg").unlink()
    Path("animals/rat.jpg").write_bytes(b"rat")
    result = run("status", "animals:v0")
    assert result.exit_code == 1
    *lines, last = result.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["changed", "cat.jpg"],
        ["missing", "dog.jpg"],
        ["new", f"file://{workspace}/animals/rat.jpg"],
    ]
    assert lines[0].endswith(" -> 3 bytes")
    assert last == "animals:v0  0 unchanged, 1 changed, 1 missing, 1 new"


def test_status_without_references_reports_no_change() -> None:
    output_of("put", "animals", "--name", "animals", "--type", "dataset")
    result = run("status", "animals")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "animals:v0 has no references\n"
    assert json_of("status", "animals") == {
        "name": "animals:v0",
        "unchanged": 0,
        "changed": [],
        "missing": [],
        "new": [],
    }


def test_get_downloads_existing_objects_and_names_missing_ones(workspace: Path) -> None:
    ref(workspace)
    Path("animals/dog.jpg").unlink()
    refused = run("get", "animals")
    assert refused.exit_code == 2 and "'dog.jpg' of animals:v0" in refused.stderr
    summary = "artifacts/animals:v0  0 files written, 1 kept, 1 missing\n"
    assert output_of("get", "animals", "--allow-missing-references") == summary
    assert json_of("get", "animals", "--allow-missing-references")["missing"] == 1


def test_get_materialize_stores_the_bytes_and_downloads_the_new_version(workspace: Path) -> None:
    ref(workspace, "--metadata", '{"a": 1}')
    assert output_of("get", "animals:v0", "--materialize") == "artifacts/animals:v1  2 files written, 0 kept\n"
    Path("animals/dog.jpg").unlink()
    assert output_of("get", "animals", "--root", "again") == "again  2 files written, 0 kept\n"
    assert json_of("show", "animals")["metadata"] == {"a": 1}
    assert json_of("show", "animals")["owned_bytes"] == 300_000
    assert output_of("get", "animals", "--materialize", "--root", "again") == "again  0 files written, 2 kept\n"
    assert run("status", "animals").exit_code == 0
