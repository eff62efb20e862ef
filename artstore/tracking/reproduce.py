"""Writing out what made a version: itself, what its run used, the code that ran, and what it was started with.

    ROOT/classifier:v2       the version
    ROOT/inputs/images:v4    each version that the run used, or that the version references
    ROOT/code/source:v1      the code that the run logged
    ROOT/run.json            the run: config, summary, command line, commit

Each folder is written as a download is. `run.json` comes last: where it is, everything is.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from artstore.core.runs import RunRecord
from artstore.core.versions import Version
from artstore.errors import NotFound
from artstore.lineage.graph import DELETED
from artstore.runtime.progress import SILENT, Progress
from artstore.store import Store
from artstore.tracking.public_run import PublicRun

CODE = "code"
RUN_FILE = "run.json"


class Written(NamedTuple):
    """A version and the folder that it was written into, with how many files were written and how many were right."""

    version: Version
    folder: Path
    written: int
    kept: int
    missing: int = 0


class Reproduced(NamedTuple):
    """What was written. `missing` are the inputs that were deleted; `run` is the run that made the version."""

    output: Written
    inputs: list[Written]
    code: list[Written]
    run: RunRecord
    run_file: Path
    missing: list[Version]


def reproduce(store: Store, version: Version, root: Path, *, progress: Progress = SILENT) -> Reproduced:
    """Write a version and all that made it below a folder. Raises `NotFound` if no run logged it."""
    logged = store.runs.producers(version)
    if not logged:
        raise NotFound(
            f"{version.qualified_name} was logged by no run, so nothing is known of what made it: get it by itself"
        )
    run = logged[0]
    inputs, code = _around(store, version, run)
    there = [each for each in inputs if each.state != DELETED]

    def write(each: Version, below: Path) -> Written:
        # Two projects may each have a version of one name.
        folder = (below if each.project == version.project else below / each.project) / folder_name(each)
        done = store.get(each, folder, progress=progress)
        return Written(each, folder, done.written, done.kept, done.missing)

    found = Reproduced(
        output=write(version, root),
        inputs=[write(each, root / "inputs") for each in there],
        code=[write(each, root / CODE) for each in code],
        run=run,
        run_file=root / RUN_FILE,
        missing=[each for each in inputs if each.state == DELETED],
    )
    _write_json(found.run_file, PublicRun(store, run).facts())
    return found


def _around(store: Store, version: Version, run: RunRecord) -> tuple[list[Version], list[Version]]:
    """What went in, and the code, which a run may log itself or use."""
    went_in = {each.id: each for each in store.runs.used(run)}
    went_in.update((each.id, store.version_by_id(each.id)) for each in store.dependencies(version))
    came_out = [each for each in store.runs.produced(run) if each.type == CODE and each.state != DELETED]
    code = {each.id: each for each in [*came_out, *went_in.values()] if each.type == CODE and each.state != DELETED}
    code.pop(version.id, None)
    inputs = [each for each in went_in.values() if each.id not in code and each.id != version.id]
    return inputs, list(code.values())


def folder_name(version: Version) -> str:
    """`images:v4`, as a folder may be called."""
    found = version.link or version
    # A colon is a drive's or a stream's on Windows.
    return f"{found.collection}{'-' if os.name == 'nt' else ':'}v{found.number}"


def _write_json(path: Path, data: dict[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(draft, path)
