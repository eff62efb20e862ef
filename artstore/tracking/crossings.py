"""Break the import cycle between artifacts, runs and collections: the only late imports for a cycle.

As in W&B, an artifact has its runs and its collection, and those have their artifacts, so the modules need each other.
The modules of runs and collections import `artifact`; the way back is here, imported at the time of the call. Other
modules of this package import their own late only to start faster.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from artstore.core.runs import RunRecord
    from artstore.store import Store
    from artstore.tracking.artifact import Artifact
    from artstore.tracking.collection import ArtifactCollection
    from artstore.tracking.public_run import PublicRun
    from artstore.tracking.run import Run
    from artstore.tracking.sweeps import Sweep


def public_runs(store: Store, records: Iterable[RunRecord]) -> list[PublicRun]:
    """Return runs of a store as the Api shows them."""
    from artstore.tracking.public_run import PublicRun

    return [PublicRun(store, record) for record in records]


def collection(store: Store, project: str, name: str) -> ArtifactCollection:
    """Find a collection. Raises `NotFound`."""
    from artstore.tracking.collection import ArtifactCollection

    return ArtifactCollection._named(store, project, name)


def sweep(store: Store, project: str, id: str) -> Sweep:
    """Find a sweep. Raises `NotFound`."""
    from artstore.tracking.sweeps import Sweep

    return Sweep(store, project, id)


def disabled_run() -> Run:
    """Begin a disabled run beside those that are open."""
    from artstore.tracking import init

    return init.init(mode="disabled", reinit="create_new")


def log(artifact: Artifact, project: str | None, settings: Any) -> None:
    """Log an artifact with the open run, or with a run of its own, which is finished."""
    from artstore.tracking import init, run

    open_run = run.current()
    if open_run is not None:
        open_run.log_artifact(artifact)
        return
    with init.init(project=project, job_type="auto", settings=settings) as own_run:
        own_run.log_artifact(artifact)
