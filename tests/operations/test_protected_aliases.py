"""Protected aliases are set, moved and removed only by force, in every interface."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

import artstore
from artstore import Api, Artifact, Store
from artstore.errors import InvalidName, ProtectedAlias
from tests.support.cli_runner import json_of, output_of, run
from tests.support.wandb_fixtures import log_version, new_draft

pytestmark = pytest.mark.usefixtures("workdir")

REGISTERED = "wandb-registry-model/fox"


@pytest.fixture
def store() -> Store:
    """Two versions; v0 has the protected alias `production`, itself and in a registry."""
    log_version("fox", "model", aliases=["production"]).link(REGISTERED, ["production"])
    log_version("fox", "model", {"cat.txt": b"newer"}).link(REGISTERED)
    for name in ("fox", REGISTERED):
        collection = Api().artifact_collection("model", name)
        collection.protected_aliases = ["production"]
        collection.save()
    return Api().store


def add_alias(name: str) -> Artifact:
    artifact = Api().artifact(name)
    artifact.aliases.append("production")
    return artifact


def remove_alias(name: str) -> Artifact:
    artifact = Api().artifact(name)
    artifact.aliases.remove("production")
    return artifact


CHANGES: dict[str, Callable[[bool], object]] = {
    "move": lambda force: add_alias("fox:v1").save(force=force),
    "remove": lambda force: remove_alias("fox:v0").save(force=force),
    "move of a link": lambda force: add_alias(f"{REGISTERED}:v1").save(force=force),
    "remove from a link": lambda force: remove_alias(f"{REGISTERED}:v0").save(force=force),
    "link": lambda force: Api().artifact("fox:v1").link(REGISTERED, ["production"], force=force),
    "unlink": lambda force: Api().artifact(f"{REGISTERED}:production").unlink(force=force),
    "delete": lambda force: Api().artifact("fox:v0").delete(delete_aliases=True, force=force),
    "delete of a link": lambda force: Api().artifact(f"{REGISTERED}:v0").delete(force=force),
    "delete all": lambda force: Api().artifact_collection("model", "fox").delete(force=force),
    "delete all links": lambda force: Api().artifact_collection("model", REGISTERED).delete(force=force),
}


def aliases_of(store: Store) -> list[object]:
    tables = ("aliases", "link_aliases", "versions", "links", "protected_aliases")
    return [store.sql(f"select * from {table}") for table in tables]


@pytest.mark.parametrize("change", CHANGES)
def test_a_protected_alias_changes_only_by_force(store: Store, change: str) -> None:
    before = aliases_of(store)
    with pytest.raises(ProtectedAlias, match=r"production.*pass force=True"):
        CHANGES[change](False)
    assert aliases_of(store) == before
    CHANGES[change](True)
    assert aliases_of(store) != before


def test_logging_with_a_protected_alias_is_refused(store: Store) -> None:
    with artstore.init(group="night") as run:
        for log in (run.log_artifact, run.upsert_artifact):
            with pytest.raises(ProtectedAlias):
                log(new_draft("fox", "model", new="new"), aliases=["production"]).wait()
    assert Api().artifact("fox:latest").version == "v1"
    assert Api().pending() == []


def test_setting_a_protected_alias_where_it_is_changes_nothing(store: Store) -> None:
    Api().artifact(f"{REGISTERED}:v0").link(REGISTERED, ["production"])
    assert store.describe("fox:v0", add_aliases=["production"]).aliases == ("production",)


def test_an_unused_alias_can_be_protected(store: Store) -> None:
    store.describe_collection("fox", protected_aliases=["production", "staging"])
    with pytest.raises(ProtectedAlias):
        store.describe("fox:v1", add_aliases=["staging"])
    assert "staging" in store.describe("fox:v1", add_aliases=["staging"], force=True).aliases


def test_other_aliases_move_freely_and_protection_can_be_lifted(store: Store) -> None:
    store.describe("fox:v1", add_aliases=["best"])
    collection = Api().artifact_collection("model", "fox")
    collection.protected_aliases.clear()
    collection.save()
    assert Api().artifact_collection("model", "fox").protected_aliases == []
    store.describe("fox:v1", add_aliases=["production"])


def test_saving_a_collection_keeps_aliases_that_were_protected_meanwhile(store: Store) -> None:
    early, late = (Api().artifact_collection("model", "fox") for _ in range(2))
    late.protected_aliases = ["production", "staging"]
    late.save()
    early.description = "foxes"
    early.save()
    assert store.collection("fox").protected_aliases == ("production", "staging")


def test_a_pending_version_gets_an_alias_that_was_protected_meanwhile_only_by_force(store: Store) -> None:
    with artstore.init(group="night") as run:
        run.upsert_artifact(new_draft("fox", "model", new="new"), aliases=["staging"])
    store.describe_collection("fox", protected_aliases=["staging"])
    (pending,) = store.pending()
    with pytest.raises(ProtectedAlias):
        store.finish(pending)
    assert "staging" in store.finish(pending, force=True).aliases


def test_rules_and_ttls_keep_versions_with_protected_links(store: Store) -> None:
    store.describe("fox:v0", remove_aliases=["production"], force=True)
    assert store.prune("fox", keep_last=1).versions == []
    store.describe("fox:v0", ttl=timedelta(seconds=1))
    store.db.connection.execute("update versions set created_at = '2020-01-01T00:00:00.000000Z'")
    assert store.gc().expired == []


def test_the_command_line_protects_refuses_and_forces(store: Store) -> None:
    assert output_of("alias", "fox", "staging", "--protect") == "fox  protected: production, staging\n"
    assert json_of("alias", "fox", "staging", "--unprotect")["protected_aliases"] == ["production"]
    refused = run("alias", "fox:v1", "production")
    assert refused.exit_code == 2
    assert "is protected: pass --force to change it" in refused.stderr
    assert "`artstore alias uncategorized/fox production --unprotect`" in refused.stderr
    assert run("rm", "fox:v0", "--delete-aliases", "--yes").exit_code == 2
    assert run("rm", f"{REGISTERED}:v0", "--yes").exit_code == 2
    assert output_of("alias", "fox:v1", "production", "--force") == "fox:v1  latest, production\n"
    assert "unlinked 1 link" in output_of("rm", f"{REGISTERED}:v0", "--yes", "--force")
    for wrong in (["fox:v1", "best"], ["fox"]):
        assert "Name a collection and its aliases" in run("alias", *wrong, "--protect").stderr
    assert run("alias", "fox", "best", "--protect", "--remove").exit_code == 2


def test_latest_and_indexes_cannot_be_protected(store: Store) -> None:
    for alias in ("latest", "v1"):
        with pytest.raises(InvalidName):
            store.describe_collection("fox", protected_aliases=[alias])
