"""A version that is linked: an alias on a link holds it, and any other link is named before it goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from artstore import Api, Store
from artstore.errors import StillNeeded
from tests.support.cli_runner import json_of, output_of, run
from tests.support.wandb_fixtures import log_version

pytestmark = pytest.mark.usefixtures("workdir")

REGISTERED = "wandb-registry-model/fox"
PROD = r"linked with the alias prod of wandb-registry-model/fox:v0: move it to another version, or pass "


@pytest.fixture
def store() -> Store:
    """Three versions: v0 is linked with the alias prod, v1 without one, v2 is the newest and not linked."""
    log_version("fox", "model").link(REGISTERED, ["prod"])
    log_version("fox", "model", {"fox.txt": b"second"}).link(REGISTERED)
    log_version("fox", "model", {"fox.txt": b"third"})
    return Api().store


def age(store: Store) -> None:
    """Let the ttl of every version have passed."""
    for name in ("fox:v0", "fox:v1"):
        store.describe(name, ttl=timedelta(seconds=1))
    store.db.connection.execute("update versions set created_at = '2020-01-01T00:00:00.000000Z'")


def numbers(store: Store) -> list[int]:
    return [version.number for version in store.versions("fox")]


DELETIONS: dict[str, Callable[[Store], object]] = {
    "Store.delete": lambda store: store.delete("fox:v0"),
    "a dry run": lambda store: store.delete("fox:v0", dry_run=True),
    "Artifact.delete": lambda store: Api().artifact("fox:v0").delete(),
    "force": lambda store: store.delete("fox:v0", force=True),
}


@pytest.mark.parametrize("deletion", DELETIONS)
def test_an_alias_on_a_link_holds_its_version(store: Store, deletion: str) -> None:
    with pytest.raises(StillNeeded, match=PROD + "delete_aliases=True"):
        DELETIONS[deletion](store)
    assert numbers(store) == [2, 1, 0]
    assert store.version(f"{REGISTERED}:prod").number == 0


def test_rm_and_its_rules_keep_what_is_linked_with_an_alias(store: Store) -> None:
    refused = run("rm", "fox:v0", "--yes")
    assert refused.exit_code == 2
    assert "prod of wandb-registry-model/fox:v0" in refused.stderr and "--delete-aliases" in refused.stderr
    assert [version["version"] for version in json_of("rm", "fox", "--keep-last", "1", "--dry-run")["versions"]] == [
        "v1"
    ]
    output_of("rm", "fox", "--keep-last", "1", "--yes")
    assert [version["version"] for version in json_of("ls", "fox")] == ["v2", "v0"]


def test_prune_and_ttl_keep_what_is_linked(store: Store) -> None:
    age(store)
    assert store.gc(dry_run=True).expired == []
    assert store.gc().expired == []
    assert numbers(store) == [2, 1, 0]
    planned = store.prune("fox", keep_last=1, dry_run=True)
    assert [version.number for version in planned.versions] == [1]
    assert [shown.link and shown.link.number for shown in planned.links] == [1]
    store.unlink(f"{REGISTERED}:v1")
    assert [version.name for version in store.gc().expired] == ["fox:v1"]
    assert numbers(store) == [2, 0]


def test_a_link_without_an_alias_is_named_before_it_goes(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    shown = output_of("rm", "fox:v1", "--dry-run")
    assert "links that go too: wandb-registry-model/fox:v1 (fox:v1, latest)\n" in shown
    assert [link["link"]["name"] for link in json_of("rm", "fox:v1", "--dry-run")["links"]] == ["fox:v1"]
    assert numbers(store) == [2, 1, 0]
    Api().artifact("fox:v1").delete()
    assert "fox:v1 is linked as wandb-registry-model/fox:v1 (latest): that link is deleted" in capsys.readouterr().err
    assert numbers(store) == [2, 0]


def test_links_are_named_before_a_person_agrees(store: Store) -> None:
    output = output_of("rm", "fox", "--keep-last", "1", "--dry-run")
    assert "links that go too: wandb-registry-model/fox:v1 (fox:v1, latest)\n" in output
    for words in (["fox:v1"], ["fox", "--keep-last", "1"]):
        shown = run("rm", *words)
        assert (shown.exit_code, "links that go too: wandb-registry-model/fox:v1" in shown.output) == (1, True)
        assert numbers(store) == [2, 1, 0]


def test_deleting_with_aliases_reports_the_links_in_output_and_log(store: Store) -> None:
    output = output_of("rm", "fox:v0", "--delete-aliases", "--yes")
    assert "links that go too: wandb-registry-model/fox:v0 (fox:v0, prod)\n" in output
    assert output.endswith("\nunlinked 1 link\n")
    event = next(event for event in store.events() if event.kind == "version-deleted")
    assert event.detail["links"] == ["wandb-registry-model/fox:v0"]


def test_deleting_a_collection_names_the_links_to_its_versions(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = store.delete_collection("fox", dry_run=True)
    assert [shown.link and shown.link.aliases for shown in planned.links] == [("latest",), ("prod",)]
    Api().artifact_collection("model", "fox").delete()
    assert "fox:v0 is linked as wandb-registry-model/fox:v0 (prod)" in capsys.readouterr().err
    assert list(store.versions("fox", project="wandb-registry-model")) == []
