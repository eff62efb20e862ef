"""Pending versions on the command line: listed, finished and dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

import artstore
from artstore import Api
from tests.support.cli_runner import json_of, output_of, run
from tests.support.wandb_fixtures import new_draft


@pytest.fixture(autouse=True)
def pending(workdir: Path) -> None:
    """Two runs of a group have upserted, and one of another group."""
    for id, group in (("a", "night"), ("b", "night"), ("c", "day")):
        with artstore.init(group=group, id=id) as current:
            current.upsert_artifact(new_draft("animals", **{id: id * 300}))


def test_pending_lists_unfinished_versions_with_their_runs() -> None:
    assert output_of("pending").splitlines()[2:] == [
        "animals     night        2  600 B  a, b  just now  just now",
        "animals     day          1  300 B  c     just now  just now",
    ]
    night, day = json_of("pending", "animals")
    assert (night["distributed_id"], night["runs"]) == ("night", ["uncategorized/a", "uncategorized/b"])
    assert (day["collection"], day["entries"], day["size"], day["upserts"]) == ("animals", 1, 300, 1)
    assert json_of("pending", "zoo/animals") == json_of("pending", "other") == []
    assert run("pending", "other").stderr == "nothing is pending\n"
    assert run("pending", "zoo/animals").stderr == (
        "nothing is pending; there is uncategorized/animals (night), uncategorized/animals (day)\n"
    )
    refused = run("pending", "animals", "--id", "noon", "--finish").stderr
    assert "Nothing is pending in animals; there is uncategorized/animals (night)" in refused


def test_ls_and_du_mention_pending_versions() -> None:
    assert "and 2 pending versions, not finished yet: see `artstore pending`" in run("ls").stderr
    assert "see `artstore pending animals`" in run("ls", "animals").stderr
    assert "900 B  2 pending versions, when written to a folder" in output_of("du")


def test_pending_finishes_a_version_left_by_its_runs() -> None:
    assert "Pass its --id, one of: night, day" in run("pending", "animals", "--finish").stderr
    output = output_of("pending", "animals", "--id", "night", "--finish", "--alias", "best")
    assert output == "animals:v0  2 entries  600 B\n"
    assert Api().artifact("animals:best").version == "v0"
    assert json_of("pending", "animals", "--finish")["version"] == "v1"
    again = run("pending", "animals", "--finish")
    assert (again.exit_code, "Nothing is pending in animals" in again.stderr) == (2, True)


def test_dropping_shows_what_would_be_removed_and_asks() -> None:
    tried = run("pending", "animals", "--id", "day", "--drop", "--dry-run")
    assert (tried.exit_code, tried.stdout.splitlines()[-1]) == (0, "dropping it frees 300 B")
    refused = run("pending", "animals", "--id", "day", "--drop")
    assert (refused.exit_code, refused.stderr) == (1, "nothing was dropped: pass --yes to drop this\n")
    assert len(Api().pending()) == 2
    dropped = json_of("pending", "animals", "--id", "day", "--drop", "--yes")
    assert (dropped["dropped"], dropped["content_bytes"], dropped["pending"]["distributed_id"]) == (True, 300, "day")
    assert output_of("pending", "animals", "--drop", "-y").splitlines()[-2] == "dropping it frees 600 B"
    assert Api().pending() == []


def test_wrong_usage_is_an_error() -> None:
    assert run("pending", "--finish").exit_code == 2
    assert run("pending", "animals", "--finish", "--drop").exit_code == 2
