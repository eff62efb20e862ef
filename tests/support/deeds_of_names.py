"""Deeds that change names and labels: links, registries, collections, and versions that a rule deletes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import artstore
from artstore import Store
from tests.support.deed_tools import Deed, Done, command, noise, stocked, write

REGISTRY = "wandb-registry-models"


def _linked(base: Path) -> None:
    stocked(base)
    with Store.open(base / "store") as store:
        for name in ("animals:v0", "animals:v1", "small:v0"):
            store.link(name, "shown", aliases=[f"of-{name[:5]}"])
        store.link("animals:v1", "served", project=REGISTRY, aliases=["production"])
        store.link("small:v0", "served", project=REGISTRY)


def _unlink(base: Path, done: Done) -> None:
    api = artstore.Api(store=base / "store")
    with api.store as store:
        store.unlink("shown:v0", "shown:v1")
        done()
        api.artifact(f"{REGISTRY}/served:production").unlink()
        done()
        store.link("animals:v0", "shown", aliases=["of-small", "again"])
        done()
    command("rm", "shown:v2", "--yes", "--store", "store")
    done()


def _registries(base: Path, done: Done) -> None:
    api = artstore.Api(store=base / "store")
    with api.store as store:
        registry = api.create_registry("shelf", description="first", artifact_types=["dataset", "model"])
        done()
        for name in ("animals:v0", "kept:v0"):
            store.link(name, name[:-3], project="wandb-registry-shelf", aliases=["on"])
            done()
        registry.name, registry.description, registry.visibility = "rack", "second", "restricted"
        registry.artifact_types.append("table")
        registry.save()
        done()
        registry.delete()
        done()
        api.registry("models").delete()
        done()


def _collections(base: Path, done: Done) -> None:
    api = artstore.Api(store=base / "store")
    with api.store as store:
        store.describe_collection(
            "animals", new_name="beasts", description="renamed", tags=["wild"], protected_aliases=["prod"]
        )
        done()
        api.artifact_collection("dataset", "small").delete()
        done()
        store.delete_collection("shown")
        done()
        store.delete_collection("beasts")
        done()


def _series(base: Path) -> None:
    stocked(base)
    for number in range(6):
        write(base / "series", shared=noise(60_000, "shared"), own=noise(30_000, f"own {number}"))
        command("put", "series", "--name", "series", "--type", "dataset", "--store", "store")
    command("alias", "series:v1", "best", "--store", "store")


def _prune(base: Path, done: Done) -> None:
    command("rm", "series", "--keep-last", "3", "--yes", "--store", "store")
    done()
    with Store.open(base / "store") as store:
        store.prune("series", keep_last=1, older_than=timedelta(0))
        done()


DEEDS = {
    "unlink": Deed(_linked, _unlink),
    "registries": Deed(_linked, _registries),
    "collections": Deed(_linked, _collections),
    "prune": Deed(_series, _prune),
}
