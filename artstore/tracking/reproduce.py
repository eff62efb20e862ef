"""Write a version together with what made it: what its run used, the code that ran, and how it was started.

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

from artstore.core import names
from artstore.core.runs import RunRecord
from artstore.core.versions import Version
from artstore.errors import NotFound
from artstore.lineage.graph import DELETED
from artstore.runtime.progress import SILENT, Progress
from artstore.store import Store
from artstore.tracking.download_root import folder_name
from artstore.tracking.public_run import PublicRun

CODE = "code"
RUN_FILE = "run.json"


class Written(NamedTuple):
    """A version, the folder that it was written to, and how many files were written, kept and missing."""

    version: Version
    folder: Path
    written: int
    kept: int
    missing: int = 0


class Reproduced(NamedTuple):
    """The result of `reproduce`. `missing` are the inputs that were deleted, `run` is the run that made the version."""

    output: Written
    inputs: list[Written]
    code: list[Written]
    run: RunRecord
    run_file: Path
    missing: list[Version]


def reproduce(store: Store, version: Version, root: Path, *, progress: Progress = SILENT) -> Reproduced:
    """Write a version and what made it below a folder. Raises `NotFound` if no run logged it."""
    logged = store.runs.producers(version)
    if not logged:
        raise NotFound(
            f"{version.qualified_name} was not logged by a run, so its inputs are not known: get it without them"
        )
    run = logged[0]
    inputs, code = _inputs_and_code(store, version, run)

    def write(written: Version, parent: Path) -> Written:
        # Two projects may each have a version of one name.
        folder = (
            parent if written.project == version.project else parent / names.folder(written.project)
        ) / folder_name(written.link or written)
        outcome = store.get(written, folder, progress=progress)
        return Written(written, folder, outcome.written, outcome.kept, outcome.missing)

    reproduced = Reproduced(
        output=write(version, root),
        inputs=[write(used, root / "inputs") for used in inputs if used.state != DELETED],
        code=[write(used, root / CODE) for used in code],
        run=run,
        run_file=root / RUN_FILE,
        missing=[used for used in inputs if used.state == DELETED],
    )
    _write_json(reproduced.run_file, PublicRun(store, run).facts())
    return reproduced


def _inputs_and_code(store: Store, version: Version, run: RunRecord) -> tuple[list[Version], list[Version]]:
    """Return the versions that went into a version, and those of its code, which the run may have logged or used."""
    used = {other.id: other for other in store.runs.used(run)}
    used.update((other.id, store.version_by_id(other.id)) for other in store.dependencies(version))
    candidates = [*store.runs.produced(run), *used.values()]
    code = {other.id: other for other in candidates if other.type == CODE and other.state != DELETED}
    code.pop(version.id, None)
    inputs = [other for other in used.values() if other.id not in code and other.id != version.id]
    return inputs, list(code.values())


def _write_json(path: Path, data: dict[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(draft, path)
    _remove_left_drafts(path)


def _remove_left_drafts(path: Path) -> None:
    """Remove the drafts of a file that killed processes have left."""
    import psutil  # late, for the start-up time

    for left in path.parent.glob(f".{path.name}.*"):
        process = left.suffix[1:]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            left.unlink(missing_ok=True)
