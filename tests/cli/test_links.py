"""Links on the command line: a version is found under another name, and unlinked without being deleted."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from artstore.store import Store
from tests.support.cli_runner import json_of, output_of, prepare_folder, put_two_versions, run


@pytest.fixture(autouse=True)
def linked_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with two versions, both linked in another project: `zoo/chosen:v0`, and `v1`, with the alias live."""
    prepare_folder(tmp_path, monkeypatch)
    put_two_versions()
    with Store.open(".artstore") as store:
        store.link("animals:v0", "zoo/chosen")
        store.link("animals:v1", "zoo/chosen", aliases=["live"])
    return tmp_path


def test_links_are_listed_under_their_own_names_with_their_versions() -> None:
    assert [line.split() for line in output_of("ls", "zoo/chosen").splitlines()][2:] == [
        ["zoo/chosen:v1", "latest,", "live", "just", "now", "3", "600.0", "kB", "animals:v1"],
        ["zoo/chosen:v0", "just", "now", "2", "300.0", "kB", "animals:v0"],
    ]
    link = json_of("ls", "zoo/chosen")[0]
    assert (link["name"], link["aliases"]) == ("animals:v1", ["latest", "best"])
    assert (link["link"]["name"], link["link"]["aliases"]) == ("chosen:v1", ["latest", "live"])
    assert len(output_of("ls", "zoo/chosen:live").splitlines()) == 3


def test_a_link_is_downloaded_under_its_own_name() -> None:
    assert output_of("get", "chosen:live", "--project", "zoo") == "artifacts/chosen:v1  3 files written, 0 kept\n"


def test_show_log_and_diff_follow_links() -> None:
    output = output_of("show", "zoo/chosen:live")
    assert output.startswith("zoo/chosen:v1\n  shows        animals:v1 (latest, best)\n")
    assert "  aliases      latest, live\n" in output
    assert [line.split()[0] for line in output_of("log", "zoo/chosen").splitlines()] == [
        "zoo/chosen:v1",
        "zoo/chosen:v0",
    ]
    assert [row["before"] for row in json_of("log", "zoo/chosen")] == ["zoo/chosen:v0", None]
    assert run("diff", "zoo/chosen").stdout == "added    rat.jpg  300.0 kB\n"
    assert run("diff", "animals:v1", "zoo/chosen:live").exit_code == 0


def test_alias_on_a_link_changes_the_aliases_of_the_link() -> None:
    assert output_of("alias", "zoo/chosen:v0", "live", "old") == "zoo/chosen:v0  live, old\n"
    assert output_of("alias", "zoo/chosen").splitlines()[2:] == ["zoo/chosen:v1  latest", "zoo/chosen:v0  live, old"]
    assert json_of("show", "animals:v0")["aliases"] == []
    assert output_of("alias", "zoo/chosen:v0", "old", "-r") == "zoo/chosen:v0  live\n"


def test_rm_of_a_link_asks_then_unlinks_and_deletes_nothing() -> None:
    refused = run("rm", "zoo/chosen:live")
    assert refused.exit_code == 1
    assert refused.stdout.endswith("unlinking 1 link frees nothing: the versions stay\n")
    assert len(json_of("ls", "zoo/chosen")) == 2
    assert output_of("rm", "zoo/chosen:live", "--yes").endswith("\nunlinked 1 link\n")
    assert [row["link"]["name"] for row in json_of("ls", "zoo/chosen")] == ["chosen:v0"]
    assert len(json_of("ls", "animals")) == 2
    assert len(output_of("ls", "animals:best").splitlines()) == 3


def test_rm_takes_links_and_versions_together() -> None:
    output = run("rm", "zoo/chosen:v1", "animals:v0", "zoo/chosen:v1", "--dry-run").stdout
    assert "deleting 1 version frees 0 B\nunlinking 1 link frees" in output
    result = json_of("rm", "zoo/chosen:v1", "animals:v0", "--yes")
    assert [row["name"] for row in result["versions"]] == ["animals:v0"]
    assert [row["link"]["name"] for row in result["links"]] == ["chosen:v1", "chosen:v0"], "that of animals:v0 goes too"
    assert [row["version"] for row in json_of("ls", "animals")] == ["v1"]
    assert json_of("ls", "zoo/chosen") == []


def test_rm_of_all_links_leaves_the_versions_and_a_rule_never_takes_one() -> None:
    ruled = run("rm", "zoo/chosen", "--keep-last", "1", "--yes")
    assert (ruled.exit_code, "A rule never removes a link" in ruled.stderr) == (2, True)
    assert output_of("rm", "zoo/chosen", "--all", "--yes").endswith("\nunlinked 2 links\n")
    assert run("rm", "zoo/chosen", "--all", "--yes").exit_code == 1
    assert len(json_of("ls", "animals")) == 2


def test_show_log_and_lineage_tell_who_linked_what_and_moved_aliases() -> None:
    with Store.open(".artstore") as store:
        store.link("animals:v1", "registry/zoo", aliases=["production"])
        store.describe(store.version("registry/zoo:v0"), remove_aliases=["production"], add_aliases=["staging"])
        store.describe("animals:v0", add_aliases=["best"])
        store.describe("animals:v1", add_aliases=["best"])
    user = getpass.getuser()
    shown = output_of("show", "animals:v1")
    assert "linked as    zoo/chosen:v1 (latest, live)\n               registry/zoo:v0 (latest, staging)\n" in shown
    for change in (
        f"best set on animals:v1 (was animals:v0) by {user}, just now",
        f"production removed from registry/zoo:v0 by {user}, just now",
        f"linked as registry/zoo:v0 by {user}, just now",
    ):
        assert change in shown
        assert change in output_of("log", "animals", "--labels")
        assert change not in output_of("log", "animals")
    assert "linked as registry/zoo:v0 (latest, staging)" in output_of("log", "animals")
    [row, _] = json_of("log", "animals")
    assert [link["name"] for link in row["linked_as"]] == ["chosen:v1", "zoo:v0"]
    assert {change["user"] for change in row["label_changes"]} == {user}
    [start, *_] = output_of("lineage", "animals:v1").splitlines()
    today = datetime.now(UTC).date().isoformat()
    assert f"linked as registry/zoo:v0 (latest, staging since {today} by {user})" in start


def test_who_moved_the_labels_of_another_version_that_had_the_name_is_not_told() -> None:
    with Store.open(".artstore") as store:
        store.describe("animals:v0", add_aliases=["best"])
        store.link("animals:v0", "wandb-registry-model/animals", aliases=["production"])
        store.describe_collection("animals", new_name="beasts")
        store.registries.delete("wandb-registry-model", force=True)
        store.commit(store.draft("animals", "dataset"))
        store.link("animals:v0", "wandb-registry-model/animals", aliases=["staging"])
        changes = store.label_changes(store.version("animals:v0"))
    assert [(change.action, change.alias) for change in changes] == [("set", "staging"), ("linked", None)]
