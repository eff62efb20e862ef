"""Tasks for the processes that `kill_points` kills and pauses: each function is the work of one process on a store."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

import sqlite_utils as sqlite_utils  # Imported once by the server, and not by each child.
from click.testing import CliRunner

import artstore
from artstore import cli
from artstore.core import changes
from artstore.core.versions import Version
from artstore.errors import ArtstoreError, NotFound, StillNeeded
from artstore.ingest import content_writer
from artstore.operations import reclaim_space
from artstore.runtime import spool
from artstore.storage import packs
from artstore.store import Store
from tests.support import deeds
from tests.support.kill_points import Probe
from tests.support.modelled_work import work_beside_a_model as work_beside_a_model


def seal_at(size: int) -> None:
    """Make packs full at a smaller size in this process, so that little content fills several."""
    for module in (packs, content_writer, reclaim_space):
        vars(module)["SEAL_AT"] = size


def commit(
    probe: Probe,
    store: str,
    source: str,
    name: str = "animals",
    alias: str | None = None,
    base: str | None = None,
    full_at: int = packs.SEAL_AT,
    then: Iterable[str] = (),
) -> None:
    """Commit folders, on top of a base if given; report the name of the version."""
    seal_at(full_at)
    opened = Store.open(store)
    probe.start()
    draft = opened.draft(name, "dataset", base=base)
    for folder in (source, *then):
        opened.add_dir(draft, folder, overwrite=base is not None)
    version = opened.commit(draft, aliases=[alias] if alias else [], tags=["tagged"] if alias else [])
    probe.report(version.name)
    opened.close()


def log_in_a_run(probe: Probe, store: str, count: int) -> None:
    """Log in a run; report each version once `wait` has returned, and the end of the run."""
    os.environ["ARTSTORE_SILENT"] = "1"
    probe.start()
    run = artstore.init(id="r", store=store)
    for index in range(count):
        artifact = artstore.Artifact("a", "dataset")
        with artifact.new_file("file.txt") as file:
            file.write(str(index))
        probe.report(run.log_artifact(artifact).wait().name)
    run.finish()
    probe.report("over")
    run.store.close()


def delete(probe: Probe, store: str, name: str) -> None:
    """Delete a version; report its name afterwards."""
    opened = Store.open(store)
    probe.start()
    opened.delete(name, delete_aliases=True)
    probe.report(name)
    opened.close()


def collect_garbage(probe: Probe, store: str) -> None:
    """Run a garbage collection."""
    opened = Store.open(store)
    probe.start()
    opened.gc()
    opened.close()


def verify(probe: Probe, store: str) -> None:
    """Verify the store; report each finding."""
    opened = Store.open(store)
    probe.start()
    for finding in opened.verify().findings:
        probe.report(finding.what)
    opened.close()


def backup(probe: Probe, store: str, to: str) -> None:
    """Back the store up; report the head afterwards."""
    opened = Store.open(store)
    probe.start()
    probe.report(opened.backup(to).head)
    opened.close()


def get(probe: Probe, store: str, name: str, root: str) -> None:
    """Download a version into a folder; report its name afterwards."""
    opened = Store.open(store)
    probe.start()
    opened.get(name, root)
    probe.report(name)
    opened.close()


def create(probe: Probe, store: str) -> None:
    """Create a store."""
    probe.start()
    Store.init(store).close()
    probe.report("created")


def drop_draft(probe: Probe, store: str, source: str) -> None:
    """Add a folder to a draft, and drop the draft."""
    opened = Store.open(store)
    probe.start()
    draft = opened.draft("dropped", "dataset")
    opened.add_dir(draft, source)
    opened.drop(draft)
    opened.close()


def commit_after_pause(
    probe: Probe,
    store: str,
    source: str,
    name: str = "held",
    base: str | None = None,
    full_at: int = packs.SEAL_AT,
) -> None:
    """Add a folder to a draft, pause, then commit it."""
    seal_at(full_at)
    opened = Store.open(store)
    draft = opened.draft(name, "dataset", base=base)
    opened.add_dir(draft, source, overwrite=base is not None)
    probe.pause()
    probe.report(opened.commit(draft).name)
    opened.close()


def log(opened: Store, source: str, name: str) -> str:
    """Commit a folder; return the name of the version."""
    draft = opened.draft(name, "dataset")
    opened.add_dir(draft, source)
    return opened.commit(draft).name


def fork(probe: Probe, store: str, ours: str, theirs: str) -> None:
    """Open a store, fork, and commit in both processes at the same time."""
    opened = Store.open(store)
    opened.collections()
    child = os.fork()
    for turn in range(5):
        probe.report(log(opened, ours if child else theirs, f"ours-{turn}" if child else f"theirs-{turn}"))
    opened.close()
    if child == 0:
        os._exit(0)
    probe.report(f"the child ended with {os.waitpid(child, 0)[1]}")


def fork_and_close(probe: Probe, store: str, one: str, two: str) -> None:
    """Open a store and fork; the child commits, the parent closes the store, the child commits again and is killed."""
    opened = Store.open(store)
    opened.collections()
    logged, closed = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        probe.report(log(opened, one, "one"))
        os.write(logged[1], b".")
        os.read(closed[0], 1)
        probe.report(log(opened, two, "two"))
        os.kill(os.getpid(), signal.SIGKILL)
    os.close(logged[1])
    os.read(logged[0], 1)
    opened.close()
    os.write(closed[1], b".")
    os.waitpid(child, 0)


def fork_and_open(probe: Probe, store: str, one: str, two: str) -> None:
    """Do the same as `fork_and_close`, but the child opens the store itself."""
    opened = Store.open(store)
    opened.collections()
    logged, closed = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        own = Store.open(store)
        probe.report(log(own, one, "one"))
        os.write(logged[1], b".")
        os.read(closed[0], 1)
        probe.report(log(own, two, "two"))
        os.kill(os.getpid(), signal.SIGKILL)
    os.close(logged[1])
    os.read(logged[0], 1)
    opened.close()
    os.write(closed[1], b".")
    os.waitpid(child, 0)


def fork_and_close_in_the_child(probe: Probe, store: str, source: str) -> None:
    """Fork while a draft is open; the child closes the store; pause, so that a test can delete content; commit."""
    opened = Store.open(store)
    draft = opened.draft("drafted", "dataset")
    opened.add_dir(draft, source)
    child = os.fork()
    if child == 0:
        opened.close()
        os._exit(0)
    os.waitpid(child, 0)
    probe.pause()
    probe.report(opened.commit(draft).name)
    opened.close()


def fork_with_a_draft(probe: Probe, store: str, before: str, ours: str, theirs: str) -> None:
    """Fork while a draft is open; both processes add to it, commit it, and report the version or the error."""
    opened = Store.open(store)
    draft = opened.draft("drafted", "dataset")
    opened.add_dir(draft, before)
    child = os.fork()
    try:
        opened.add_dir(draft, ours if child else theirs)
        version = opened.commit(draft)
        probe.report(f"{version.name} of {'parent' if child else 'child'}")
    except ArtstoreError as error:
        probe.report(f"{type(error).__name__} of {'parent' if child else 'child'}")
    if child == 0:
        os._exit(0)
    probe.report(f"the child ended with {os.waitpid(child, 0)[1]}")
    opened.close()


BYTES_OF = {"small": 700, "middle": 70_000, "large": 300_000}


def content(name: str) -> bytes:
    """Return the content of a file of a churned version, which follows from its name."""
    kind, _, seed = name.partition("-")
    return random.Random(seed).randbytes(BYTES_OF[kind])


def churn(probe: Probe, store: str, scratch: str, seed: int, seconds: float) -> None:
    """Commit, delete, collect and read versions of the same few contents, at random; report what is wrong."""
    draw = random.Random(seed)
    folder = Path(scratch, f"{seed}")
    folder.mkdir()
    names = [f"{kind}-{i}" for i in range(12) for kind in BYTES_OF]
    source = Path(scratch, f"source-{seed}")
    source.mkdir()
    for name in names:
        (source / name).write_bytes(content(name))
    opened = Store.open(store)
    until, turns = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        turns += 1
        task = draw.choice((_churn_in, _churn_in, _churn_out, _churn_read, _churn_read, _churn_gc))
        try:
            task(opened, draw, source, folder / f"{turns}", names)
        except Exception as error:
            # Another process may have deleted the version first; any other error is wrong.
            if not isinstance(error, NotFound | StillNeeded) and "was deleted" not in str(error):
                probe.report(traceback.format_exc())
                break
    opened.close()


def _churn_in(opened: Store, draw: random.Random, source: Path, folder: Path, names: list[str]) -> None:
    base = f"c{draw.randrange(4)}:latest" if draw.random() < 0.3 else None
    draft = opened.draft(f"c{draw.randrange(4)}", "dataset", base=base)
    for name in draw.sample(names, 4):
        opened.add_file(draft, source / name, overwrite=True)
    opened.commit(draft, tags=["churned"])


def _any_version(opened: Store, draw: random.Random) -> Version:
    versions = [version for collection in opened.collections() for version in opened.versions(collection.name)]
    if not versions:
        raise NotFound("no version lives")
    return draw.choice(versions)


def _churn_out(opened: Store, draw: random.Random, source: Path, folder: Path, names: list[str]) -> None:
    opened.delete(_any_version(opened, draw), delete_aliases=True)


def _churn_read(opened: Store, draw: random.Random, source: Path, folder: Path, names: list[str]) -> None:
    opened.get(_any_version(opened, draw), folder)
    for path in files_below(folder):
        if path.read_bytes() != content(path.name):
            raise AssertionError(f"{path} is wrong")
    shutil.rmtree(folder)


def _churn_gc(opened: Store, draw: random.Random, source: Path, folder: Path, names: list[str]) -> None:
    opened.gc()


def files_below(path: Path) -> list[Path]:
    """Return every file below a folder, in order."""
    return sorted(file for file in path.rglob("*") if file.is_file() and not file.is_symlink())


def upsert(probe: Probe, store: str, source: str, full_at: int = packs.SEAL_AT) -> None:
    """Upsert a folder; report once it is acknowledged."""
    seal_at(full_at)
    opened = Store.open(store)
    probe.start()
    draft = opened.draft("shared", "dataset")
    opened.add_dir(draft, source)
    opened.upsert(draft, "batch", aliases=["best"])
    probe.report("upserted")
    opened.close()


def finish_pending(probe: Probe, store: str) -> None:
    """Finish the pending version; report its name."""
    opened = Store.open(store)
    pending = opened.pending()[0]
    probe.start()
    probe.report(opened.finish(pending).name)
    opened.close()


def drop_pending(probe: Probe, store: str) -> None:
    """Drop the pending version; report once it is gone."""
    opened = Store.open(store)
    pending = opened.pending()[0]
    probe.start()
    opened.drop_pending(pending)
    probe.report("dropped")
    opened.close()


def prepare_deed(probe: Probe, deed: str, base: str) -> None:
    """Make the folder in which a deed works."""
    os.environ["ARTSTORE_SILENT"] = "1"
    deeds.prepare(deed, Path(base))


def do_deed(probe: Probe, deed: str, base: str, pauses: bool = False) -> None:
    """Pause, then do a deed; report each step that was acknowledged, and pause after it if `pauses`."""
    os.environ["ARTSTORE_SILENT"] = "1"
    probe.pause()

    def done() -> None:
        probe.report("done")
        if pauses:
            probe.pause()

    deeds.do(deed, Path(base), done)


def use_hostile_store(probe: Probe, base: str, store: str, verbs: list[list[str]]) -> None:
    """Run verbs on a store, with little memory; report each with its exit code and the exception that is not ours."""
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    os.environ["ARTSTORE_SILENT"] = "1"
    os.chdir(base)
    for verb in verbs:
        result = CliRunner().invoke(cli.verbs, [*verb, "--store", store], prog_name="artstore")
        error = result.exception
        foreign = "" if error is None or isinstance(error, SystemExit) else "".join(traceback.format_exception(error))
        probe.report(json.dumps([verb, result.exit_code, foreign]))


def work_in_temporary_folder(probe: Probe, work: str, store: str, folder: str, temporary: str, source: str) -> None:
    """Put, get, log a table, or track an object and download it, with another TMPDIR; report when it is done."""
    os.environ |= {"TMPDIR": temporary, "ARTSTORE_SILENT": "1"}
    tempfile.tempdir = temporary
    # A draft and a manifest keep this many entries in memory, and the others in temporary files.
    changes.Changes.__init__.__defaults__ = (10,)
    spool.Spool.__init__.__defaults__ = (0, 1)
    opened = Store.open(store)
    probe.start()
    if work == "get":
        opened.get("animals:v0", folder)
    elif work == "log a table":
        with artstore.init(store=store) as run:
            run.log({"table": artstore.Table(columns=["x"], data=[[index] for index in range(200)])})
    else:
        draft = opened.draft("animals", "dataset", base="animals:v0")
        if work == "put":
            opened.add_dir(draft, source, overwrite=True)
            opened.add_bytes(draft, b"more", "more")
        else:
            opened.add_reference(draft, source, "tracked")
        version = opened.commit(draft)
        if work == "track and download":
            opened.get(opened.materialized(version), folder)
    probe.report("done")
    opened.close()
