"""What people do with a store, each in a process of its own that can be killed, recorded and repeated.

A deed works in a folder with `store`, and says `done()` after each step that was acknowledged to it: one change that
a user sees. `prepare` makes the folder as it is before. Both run through the command line or the public names.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import artstore
from tests.support import deeds_of_names, deeds_of_runs
from tests.support.deed_tools import Deed, Done, command, noise, sources, stocked, write


def _nothing(base: Path) -> None:
    write(base / "old", a=noise(5000, 1), b__c=noise(300_000, 2), d=b"")


def _create(base: Path, done: Done) -> None:
    command("put", "old", "--name", "animals", "--type", "dataset", "--alias", "x", "--tag", "y", "--store", "store")
    done()


def _init(base: Path, done: Done) -> None:
    command("init", "store", "--algorithm", "sha256", "--compression", "zstd")
    done()


def _init_again(base: Path) -> None:
    artstore.Store.init(base / "store", algorithm="sha256", compression="zstd").close()


def _put(base: Path, done: Done) -> None:
    write(base / "new", g=noise(250_000, 6), h=noise(900, 7))
    command("put", "new", "--name", "animals", "--alias", "best", "--metadata", '{"n": 1}', "--store", "store")
    done()
    command("put", "small", "--name", "other", "--type", "dataset", "--store", "store")
    done()


def _log(base: Path, done: Done) -> None:
    run = artstore.init(id="trained", store=base / "store", project="zoo")
    for index in range(2):
        run.log({"loss": 1 / (index + 1)})
        artifact = artstore.Artifact("model", "model", metadata={"index": index})
        artifact.add_file(str(base / "old" / "e"), name="weights")
        with artifact.new_file("notes.txt") as file:
            file.write(f"epoch {index}")
        run.log_artifact(artifact, aliases=["best"]).wait()
        done()
    run.finish()
    done()
    run.store.close()


def _tables(base: Path, done: Done) -> None:
    run = artstore.init(id="tables", store=base / "store", project="zoo")
    for index in range(2):
        artifact = artstore.Artifact("predictions", "predictions")
        table = artstore.Table(columns=["id", "score"], data=[[i, i / 7 + index] for i in range(60)])
        artifact.add(table, "scores")
        run.log_artifact(artifact).wait()
        done()
    run.finish()
    done()
    run.store.close()


def _references(base: Path) -> None:
    stocked(base)
    write(base / "bucket", x=noise(2000, 8), y__z=noise(90_000, 9))
    command("ref", (base / "bucket").as_uri() + "/", "--name", "objects", "--type", "dataset", "--store", "store")


def _ref(base: Path, done: Done) -> None:
    write(base / "bucket", w=noise(700, 10))
    command("ref", (base / "bucket").as_uri() + "/", "--name", "objects", "--alias", "now", "--store", "store")
    done()
    with artstore.Store.open(base / "store") as store:
        for part in ("x", "w"):
            draft = store.draft("parts", "dataset")
            store.add_reference(draft, (base / "bucket" / part).as_uri())
            store.upsert(draft, "references")
            done()
        store.finish(store.pending()[0])
        done()


def _materialize(base: Path, done: Done) -> None:
    command("get", "objects", "--materialize", "--root", "out", "--store", "store")
    done()


def _drafts(base: Path, done: Done) -> None:
    """Three processes upsert, the last one finishes."""
    for part in range(3):
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                with artstore.Store.open(base / "store") as store:
                    draft = store.draft("together", "dataset")
                    store.add_dir(draft, write(base / f"part-{part}", **{f"p{part}": noise(90_000, f"part {part}")}))
                    store.upsert(draft, "night", aliases=["best"])
                os._exit(0)
            os._exit(1)
        if os.waitpid(child, 0)[1]:
            # It was killed in the place of this process.
            os.kill(os.getpid(), signal.SIGKILL)
        done()
    command("pending", "together", "--finish", "--alias", "ready", "--store", "store")
    done()


def _two_drafts(base: Path) -> None:
    stocked(base)
    write(base / "part", shared=noise(300_000, 2), own=noise(90_000, "part"))
    with artstore.Store.open(base / "store") as store:
        for group in ("night", "day"):
            draft = store.draft("together", "dataset")
            store.add_dir(draft, base / "part")
            store.upsert(draft, group)


def _drop(base: Path, done: Done) -> None:
    for group in ("night", "day"):
        command("pending", "together", "--id", group, "--drop", "--yes", "--store", "store")
        done()


def _get(base: Path, done: Done) -> None:
    command("get", "animals:v0", "--root", "out", "--store", "store")
    done()


def _old_download(base: Path) -> None:
    stocked(base)
    command("get", "animals:v0", "--root", "there", "--store", "store")


def _get_again(base: Path, done: Done) -> None:
    command("get", "animals:v1", "--root", "there", "--store", "store")
    done()


def _delete(base: Path, done: Done) -> None:
    with artstore.Store.open(base / "store") as store:
        store.delete("animals:v0", delete_aliases=True)
        done()
        store.delete("small:v0", delete_aliases=True)
        done()


def _rm(base: Path, done: Done) -> None:
    command("rm", "animals:v1", "kept:v0", "--delete-aliases", "--yes", "--store", "store")
    done()
    command("rm", "animals", "--all", "--yes", "--store", "store")
    done()


def _litter(base: Path) -> None:
    """Leave what killed processes leave: leases, bytes that were not published, an unknown pack, dead locks."""
    stocked(base)
    write(base / "lost", **{f"{i}": noise(90_000, f"lost {i}") for i in range(6)})
    command("put", "old/e", "--name", "short", "--type", "dataset", "--ttl", "1s", "--store", "store")
    child = os.fork()
    if child == 0:
        store = artstore.Store.open(base / "store")
        draft = store.draft("lost", "dataset")
        store.add_dir(draft, base / "lost")
        os._exit(0)
    os.waitpid(child, 0)
    time.sleep(1.1)


def _gc(base: Path, done: Done) -> None:
    command("gc", "--store", "store")
    done()


def _backup(base: Path, done: Done) -> None:
    command("backup", "backup", "--store", "store")
    done()
    command("rm", "small:v0", "--delete-aliases", "--yes", "--store", "store")
    done()
    command("put", "old", "--name", "later", "--type", "dataset", "--store", "store")
    done()
    command("backup", "backup", "--store", "store")
    done()


def _backed_up(base: Path) -> None:
    stocked(base)
    command("backup", "backup", "--store", "store")
    command("put", "small", "--name", "later", "--type", "dataset", "--store", "store")


def _restore(base: Path, done: Done) -> None:
    command("restore", "backup", "again")
    done()
    command("restore", "backup", "store", "--replace")
    done()


def _restore_again(base: Path) -> None:
    artstore.Store.restore(base / "backup", base / "store", replace=True)


def _damaged(base: Path) -> None:
    _backed_up(base)
    _damage(base)


def _damage(base: Path) -> None:
    for pack in sorted((base / "store" / "packs").iterdir()):
        with pack.open("r+b") as file:
            for at in (3000, 40_000, 200_000):
                file.seek(at)
                byte = file.read(1)
                if byte:
                    file.seek(at)
                    file.write(bytes([byte[0] ^ 1]))


def _repair(base: Path, done: Done) -> None:
    command("repair", "--from", "backup", "--store", "store")
    done()


def _repair_again(base: Path) -> None:
    with artstore.Store.open(base / "store") as store:
        store.repair(base / "backup")


def _set_aside(base: Path) -> None:
    """Damage what the newest version of a collection has, whose files are there to be added again."""
    stocked(base)
    sources(base / "all")
    command("put", "all", "--name", "all", "--type", "dataset", "--store", "store")
    _damage(base)


def _quarantine(base: Path, done: Done) -> None:
    command("repair", "--quarantine", "--store", "store", code=1)
    done()
    command("put", "all", "--name", "all", "--store", "store")
    done()


def _quarantine_again(base: Path) -> None:
    with artstore.Store.open(base / "store") as store:
        store.repair(quarantine=True)
        sources(base / "all")
        draft = store.draft("all", "dataset")
        store.add_dir(draft, base / "all")
        store.commit(draft)


def _verify(base: Path, done: Done) -> None:
    command("verify", "--store", "store")
    done()


def _labels(base: Path, done: Done) -> None:
    for words in (
        ("alias", "animals:v0", "prod", "best"),
        ("alias", "animals:v1", "prod"),
        ("tag", "animals:v1", "reviewed", "good"),
        ("tag", "animals:v1", "good", "--remove"),
        ("alias", "animals:v0", "best", "--remove"),
    ):
        command(*words, "--store", "store")
        done()
    with artstore.Store.open(base / "store") as store:
        store.link("animals:v1", "portfolio", aliases=["shown"])
        done()
        store.describe("animals:v1", description="described", metadata={"k": [1, 2]})
        done()


DEEDS: dict[str, Deed] = {
    "init": Deed(_nothing, _init, mend=_init_again),
    "create": Deed(_nothing, _create, first=("algorithm",)),
    "put": Deed(stocked, _put),
    "log": Deed(stocked, _log),
    "tables": Deed(stocked, _tables),
    "ref": Deed(_references, _ref),
    "materialize": Deed(_references, _materialize),
    "drafts": Deed(stocked, _drafts),
    "drop": Deed(_two_drafts, _drop),
    "get": Deed(stocked, _get, built=("out",)),
    "get-again": Deed(_old_download, _get_again, filled=("there",)),
    "delete": Deed(stocked, _delete),
    "rm": Deed(stocked, _rm),
    "gc": Deed(_litter, _gc),
    "backup": Deed(stocked, _backup, stores=("store", "backup")),
    "restore": Deed(_backed_up, _restore, stores=("store", "backup", "again"), mend=_restore_again),
    "repair": Deed(_damaged, _repair, stores=("store", "backup"), mend=_repair_again),
    "quarantine": Deed(_set_aside, _quarantine, mend=_quarantine_again),
    "verify": Deed(stocked, _verify),
    "labels": Deed(stocked, _labels),
    **deeds_of_names.DEEDS,
    **deeds_of_runs.DEEDS,
}


def prepare(name: str, base: Path) -> None:
    """Make the folder in which a deed works."""
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(parents=True)
    os.chdir(base)
    DEEDS[name].prepare(base)


def do(name: str, base: Path, done: Done) -> None:
    """Do a deed in its folder."""
    os.chdir(base)
    DEEDS[name].do(base, done)
