"""Deeds of runs: the files that they keep, the media that they log, their deletion, and what made a version."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import artstore
from tests.support.deed_tools import Deed, Done, command, noise, stocked, write


def _write_durably(folder: Path, name: str, data: bytes) -> None:
    """Give a folder a file that is there as a whole and survives a power cut, with the folders above it."""
    draft = Path("draft")
    draft.write_bytes(data)
    for path in (draft, *folder.relative_to(Path.cwd()).parents, folder):
        _sync(path)
    os.replace(draft, folder / name)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _save(base: Path, done: Done) -> None:
    run = artstore.init(id="saver", store=base / "store", project="zoo")
    run.save("old/*", policy="now")
    done()
    for turn in range(2):
        _write_durably(base, "log.txt", noise(70_000, f"log {turn}"))
        run.save("log.txt")
        done()
    _write_durably(Path(run.dir), "notes.txt", b"written to the folder of the run")
    done()
    run.save("new/f", policy="end")
    run.finish()
    done()
    run.store.close()


def _image(seed: int) -> artstore.Image:
    return artstore.Image(np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8))


def _until(is_there: Callable[[], object]) -> None:
    while not is_there():
        time.sleep(0.1)


def _media(base: Path, done: Done) -> None:
    run = artstore.init(id="media", store=base / "store", project="zoo")
    api = artstore.Api(store=base / "store")
    run.log({"images": [_image(1), _image(2)], "loss": 0.5})
    _until(lambda: len(api.run("zoo/media").files()))
    done()
    run.log({"scores": artstore.Table(columns=["id", "score"], data=[[i, i / 7] for i in range(60)])})
    _until(lambda: api.artifact_exists("zoo/run-media-scores:latest"))
    done()
    run.log({"image": _image(3)})
    run.finish()
    done()
    run.store.close()


def _logged(run: artstore.Run, name: str) -> None:
    artifact = artstore.Artifact(name, "model")
    with artifact.new_file("weights", "wb") as file:
        file.write(noise(60_000, name))
    run.log_artifact(artifact).wait()


def _with_runs(base: Path) -> None:
    """Leave a run that finished, with files and a version, and one that was killed, with files in its folder."""
    stocked(base)
    with artstore.init(id="finished", store=base / "store", project="zoo") as run:
        run.use_artifact("uncategorized/animals:v0")
        run.save("old/e")
        run.log({"image": _image(1)})
        _logged(run, "first")
    run.store.close()
    child = os.fork()
    if child == 0:
        run = artstore.init(id="killed", store=base / "store", project="zoo")
        run.save("old/b/c", policy="now")
        write(Path(run.dir), notes=b"not stored", deeper__log=b"neither")
        _logged(run, "second")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def _delete_runs(base: Path, done: Done) -> None:
    api = artstore.Api(store=base / "store")
    with api.store:
        api.run("zoo/finished").delete()
        done()
        api.run("zoo/killed").delete(delete_artifacts=True)
        done()


def _made_by_a_run(base: Path) -> None:
    stocked(base)
    write(base / "code", train__py=b"print(1)", lib__helper__py=b"print(2)")
    with artstore.init(id="maker", store=base / "store", project="zoo", config={"epochs": 3}) as run:
        run.use_artifact("uncategorized/animals:v0")
        run.log_code("code", name="source", include_fn=lambda path: True)
        _logged(run, "made")
    run.store.close()


def _get_with_inputs(base: Path, done: Done) -> None:
    command("get", "zoo/made:v0", "--with-inputs", "--root", "out", "--store", "store")
    done()


_WRITTEN = "out/made:v0", "out/inputs/uncategorized/animals:v0", "out/code/source:v0"

DEEDS = {
    "save": Deed(stocked, _save, first=("files ",)),
    "media": Deed(stocked, _media, first=("files ",)),
    "delete-runs": Deed(_with_runs, _delete_runs, first=("zoo/second:",)),
    "with-inputs": Deed(_made_by_a_run, _get_with_inputs, built=(*_WRITTEN, "out/run.json"), first=_WRITTEN),
}
