"""The command line shows a version and its history, and changes its aliases and tags."""

from __future__ import annotations

from pathlib import Path

import pytest

from artstore.catalog import runs
from artstore.core.runs import FINISHED
from artstore.store import Store
from tests.support.cli_runner import json_of, output_of, put_two_versions, run, write_noise

pytestmark = pytest.mark.usefixtures("workspace")


def insert_run(store: Store, name: str) -> int:
    """Record a run that has begun and ended."""
    with store.db.writing() as connection:
        id = runs.insert(
            connection,
            "uncategorized",
            f"id-{name}",
            name=name,
            job_type=None,
            group=None,
            notes=None,
            tags=[],
            config={},
            environment={},
            process_lock="",
        )
        runs.end(connection, id, FINISHED, 0)
    return id


def log_by(name: str) -> None:
    """Log the animals in a run."""
    with Store.open(".artstore") as store:
        draft = store.draft("animals", description=f"{name} did it\nwith care")
        store.add_dir(draft, "animals")
        store.commit(draft, run=insert_run(store, name))


def use_by(*names: str, version: str) -> None:
    """Let runs use a version."""
    with Store.open(".artstore") as store:
        for name in names:
            run = insert_run(store, name)
            with store.db.writing() as connection:
                runs.add_use(connection, run, store.version(version).id, None)


def fields_of(output: str) -> dict[str, str]:
    """Return the values that `show` printed by their labels."""
    return {line[2:15].strip(): line[15:].strip() for line in output.splitlines()[1:]}


def test_show_prints_everything_about_a_version() -> None:
    output_of("put", "animals", "--name", "animals", "--type", "dataset")
    write_noise(Path("animals"), {"rat.jpg": 300_000})
    output_of(
        *("put", "animals", "--name", "animals", "--alias", "best", "--tag", "fur", "--ttl", "30d"),
        *("--description", "all of them", "--metadata", '{"legs": 4}'),
    )
    output = output_of("show", "animals:best")
    assert output.splitlines()[0] == "animals:v1"
    fields = fields_of(output)
    assert (fields["entries"], fields["size"], fields["owned"], fields["reclaimable"]) == (
        ("3", "600.0 kB", "300.0 kB", "300.0 kB")
    )
    assert (fields["type"], fields["aliases"], fields["tags"]) == ("dataset", "latest, best", "fur")
    assert fields["description"] == "all of them"
    assert '"legs": 4' in output
    assert fields["expires"].endswith("(30 days after it was created, kept by best)")
    assert (
        fields_of(output_of("show", "animals:v0"))
        .keys()
        .isdisjoint({"aliases", "tags", "description", "metadata", "expires"})
    )
    assert output_of("show", "animals") == output


def test_show_as_json_has_bytes_and_times() -> None:
    put_two_versions()
    output_of("put", "animals/cat.jpg", "--name", "cat", "--type", "image", "--ttl", "90s")
    version = json_of("show", "cat")
    assert (version["owned_bytes"], version["reclaimable_bytes"], version["ttl_seconds"]) == (0, 0, 90)
    assert version["created_at"] < version["expires_at"]
    assert (version["logged_by"], version["used_by"], version["references"], version["link"]) == ([], [], [], None)
    assert json_of("show", "animals:v0")["owned_bytes"] == 300_000
    assert json_of("show", "animals:v0")["expires_at"] is None


def test_show_names_the_runs_and_references() -> None:
    put_two_versions()
    log_by("brave-fox")
    use_by(*(f"user-{number}" for number in range(12)), version="animals:v0")
    with Store.open(".artstore") as store:
        draft = store.draft("model", "model")
        draft.depend_on(store.version("animals:v0"))
        store.commit(draft)
    assert fields_of(output_of("show", "animals:v2"))["logged by"] == "brave-fox (id-brave-fox, finished)"
    assert "and 2 more: --json has them all" in output_of("show", "animals:v0")
    runs = json_of("show", "animals:v0")["used_by"]
    assert runs[0] == {"id": "id-user-0", "project": "uncategorized", "name": "user-0", "state": "finished"}
    assert len(runs) == 12
    assert fields_of(output_of("show", "model"))["references"] == "animals:v0"
    assert json_of("show", "model")["references"] == ["uncategorized/animals:v0"]


def test_a_description_cannot_rewrite_the_screen() -> None:
    output_of("put", "animals", "--name", "animals", "--type", "dataset", "--description", "a\x1b[2J\nb")
    assert output_of("show", "animals").endswith("  description  a\\x1b[2J\n               b\n")
    assert output_of("log", "animals").endswith("a\\x1b[2J\n")


def test_log_shows_what_each_version_changed() -> None:
    put_two_versions()
    write_noise(Path("animals"), {"dog.jpg": 100_000})
    (Path("animals") / "cat.jpg").rename("animals/puss.jpg")
    (Path("animals") / "dog.jpg").write_bytes(b"bow")
    (Path("animals") / "rat.jpg").unlink()
    log_by("brave-fox")
    output_of("tag", "animals:v0", "fur")
    assert output_of("log", "animals").splitlines() == [
        "animals:v2  just now     -1 ~1 >1     +3 B -400.0 kB       (latest) by brave-fox brave-fox did it",
        "animals:v1  just now     +1           +300.0 kB            (best)",
        "animals:v0  just now     +2           +300.0 kB            [fur]",
    ]
    newest, *_, oldest = json_of("log", "animals")
    assert (newest["before"], newest["logged_by"]["name"]) == ("animals:v1", "brave-fox")
    assert newest["changes"] == {
        "added": 0,
        "removed": 1,
        "changed": 1,
        "renamed": 1,
        "added_bytes": 3,
        "removed_bytes": 400_000,
    }
    assert (oldest["before"], oldest["changes"]["added"], oldest["logged_by"]) == (None, 2, None)


def test_log_leaves_out_deleted_versions_unless_asked() -> None:
    put_two_versions()
    write_noise(Path("animals"), {"bat.jpg": 1000})
    output_of("put", "animals", "--name", "animals")
    output_of("rm", "animals:v1", "--delete-aliases", "--yes")
    assert [line.split()[3:6] for line in output_of("log", "animals").splitlines()] == (
        [["+2", "+301.0", "kB"], ["+2", "+300.0", "kB"]]
    )
    assert [(row["version"], row["state"], row["before"]) for row in json_of("log", "animals", "--deleted")] == [
        ("v2", "committed", "animals:v0"),
        ("v1", "deleted", "animals:v0"),
        ("v0", "committed", None),
    ]
    assert output_of("log", "animals", "--deleted").splitlines()[1].split() == ["animals:v1", "just", "now", "deleted"]
    output_of("rm", "animals", "--all", "--yes")
    assert run("log", "animals").stderr == "animals has no versions: --deleted shows the deleted ones\n"
    assert len(output_of("log", "animals", "--deleted").splitlines()) == 3


def test_log_can_be_limited_at_any_length() -> None:
    with Store.init(".artstore") as store:
        for number in range(130):
            store.commit(store.draft("animals", "dataset", metadata={"number": number}))
    assert [line.split()[0] for line in output_of("log", "animals", "-n", "2").splitlines()] == [
        "animals:v129",
        "animals:v128",
    ]
    log = json_of("log", "animals")
    assert [row["version"] for row in log] == [f"v{number}" for number in reversed(range(130))]
    assert [row["before"] for row in log] == [f"animals:v{number}" for number in reversed(range(129))] + [None]
    assert {line.split()[3] for line in output_of("log", "animals").splitlines()[:-1]} == {"="}


def test_diff_has_the_exit_codes_of_diff() -> None:
    put_two_versions()
    differing = run("diff", "animals:v0", "animals:best")
    assert (differing.exit_code, differing.stdout) == (1, "added    rat.jpg  300.0 kB\n")
    equal = run("diff", "animals:v1", "animals:latest")
    assert (equal.exit_code, equal.stdout, equal.stderr) == (0, "", "animals:v1 and animals:v1 have equal entries\n")
    assert run("diff", "animals", "--json").exit_code == 1
    assert json_of("diff", "animals:v1", "animals:v1")["equal"] is True


def test_diff_lists_changes_in_path_order() -> None:
    put_two_versions()
    (Path("animals") / "cat.jpg").rename("animals/puss.jpg")
    (Path("animals") / "dog.jpg").write_bytes(b"bow")
    (Path("animals") / "rat.jpg").unlink()
    write_noise(Path("animals"), {"ant.jpg": 1000})
    output_of("put", "animals", "--name", "animals")
    assert run("diff", "animals").stdout.splitlines() == [
        "added    ant.jpg  1.0 kB",
        "changed  dog.jpg  100.0 kB -> 3 B",
        "renamed  cat.jpg -> puss.jpg",
        "removed  rat.jpg  300.0 kB",
    ]
    assert run("diff", "animals:v2", "animals:v1", "--stat").stdout == (
        "1 added, 1 removed, 1 changed, 1 renamed  +400.0 kB -1.0 kB\n"
    )
    assert '"removed_bytes": 400000' in run("diff", "animals", "--stat", "--json").stdout
    result = run("diff", "animals", "--json")
    assert '"added": [\n    {\n      "path": "ant.jpg"' in result.stdout


def test_diff_of_a_collection_needs_two_versions() -> None:
    output_of("put", "animals", "--name", "animals", "--type", "dataset")
    alone = run("diff", "animals")
    assert alone.exit_code == 2
    assert "animals does not have two versions to compare" in alone.stderr


def test_aliases_are_moved_removed_and_listed() -> None:
    put_two_versions()
    assert output_of("alias", "animals:v0", "best", "first", "best") == "animals:v0  best, first\n"
    assert output_of("alias", "animals").splitlines()[2:] == ["animals:v1  latest", "animals:v0  best, first"]
    assert output_of("alias", "animals:v0", "best", "--remove") == "animals:v0  first\n"
    assert json_of("alias", "animals:v0", "first", "-r")["aliases"] == []
    assert run("alias", "animals:v0").stderr == "animals:v0 has no aliases\n"
    assert [row["aliases"] for row in json_of("alias", "animals")] == [["latest"]]


def test_tags_are_added_removed_and_listed() -> None:
    put_two_versions()
    assert output_of("tag", "animals:v0", "fur", "old one") == "animals:v0  fur, old one\n"
    assert output_of("tag", "animals", "fur") == "animals:v1  fur\n"
    assert output_of("tag", "animals").splitlines()[2:] == ["animals:v1  fur", "animals:v0  fur, old one"]
    assert json_of("tag", "animals:v1", "fur", "--remove")["tags"] == []
    assert json_of("tag", "animals:v1") == []


def test_a_change_of_several_is_all_or_nothing() -> None:
    put_two_versions()
    assert run("alias", "animals:v1", "best", "good", "--remove").exit_code == 2
    assert run("tag", "animals:v1", "fur", "a,b").exit_code == 2
    assert (json_of("show", "animals:v1")["aliases"], json_of("show", "animals:v1")["tags"]) == (["latest", "best"], [])
