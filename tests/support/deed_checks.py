"""Check stores after a deed was killed or cut off, and count what was found."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from artstore.store import Store
from tests.support import child_tasks
from tests.support.deed_tools import Deed, noise, write
from tests.support.deeds import DEEDS
from tests.support.files import tree_of
from tests.support.kill_points import Child, TaskRunner
from tests.support.plain_reader import Wrong, has_quarantine, state_of
from tests.support.store_checks import check_clean, check_folders_of_runs, check_no_locks
from tests.support.system_calls import CHANGES, DEADLY, OTHERS, counted, traced

Seen = dict[str, Any]
"""What a user sees in each folder of a deed."""
DAMAGED, SET_ASIDE = "damaged", "damaged, in quarantine"


def seen(deed: Deed, base: Path) -> Seen:
    """Return what a user sees in the folders of a deed, read without artstore."""
    states: Seen = {}
    for name in deed.stores:
        try:
            states[name] = state_of(base / name)
        except Wrong:
            if not deed.mend:
                raise
            states[name] = SET_ASIDE if has_quarantine(base / name) else DAMAGED
    for name in deed.built:
        path = base / name
        states[name] = path.read_text() if path.is_file() else tree_of(path) if path.exists() else None
    return states


def between(deed: Deed, before: Seen, after: Seen) -> Iterator[Seen]:
    """Yield what may be seen during a step: the state before it, after each part that it changes first, after it."""
    yield before
    for first in deed.first:
        before = {name: _with_part(before[name], after[name], first, name) for name in before}
        yield before
    yield after


def _with_part(before: Any, after: Any, first: str, name: str) -> Any:
    """Return a state with the parts of another one whose names begin with `first`."""
    if name.startswith(first):
        return after
    if not isinstance(before, dict) or not isinstance(after, dict):
        return before
    rest = {key: value for key, value in before.items() if not key.startswith(first)}
    return rest | {key: value for key, value in after.items() if key.startswith(first)}


@dataclass
class Scene:
    """A deed in a folder of its own, with what is seen before it and after each of its steps."""

    runner: TaskRunner
    name: str
    folder: Path
    states: list[Seen] = field(default_factory=list)
    seconds: float = 0
    """How long it takes."""

    def __post_init__(self) -> None:
        self.deed = DEEDS[self.name]
        self.folder.mkdir()
        self.base = self.folder / "base"
        self.runner.complete(child_tasks.prepare_deed, deed=self.name, base=self.folder / "template")
        child = self.runner.start(child_tasks.do_deed, deed=self.name, base=self.renewed(), pauses=True)
        child.wait()
        began = time.monotonic()
        while True:
            self.states.append(seen(self.deed, self.base))
            outcome = child.resume()
            if outcome.state != "paused":
                break
        assert outcome.state == "done", outcome.error
        self.seconds = time.monotonic() - began
        self.filled = [tree_of(self.base / name) for name in self.deed.filled]

    def renewed(self) -> Path:
        """Make the folder as it is before, and return it."""
        shutil.rmtree(self.base, ignore_errors=True)
        shutil.copytree(self.folder / "template", self.base, symlinks=True)
        return self.base

    def paused(self) -> Child:
        """Start the deed in a process that pauses before its first step."""
        child = self.runner.start(child_tasks.do_deed, deed=self.name, base=self.renewed())
        assert child.wait().state == "paused"
        return child

    def record(self) -> Path:
        """Do the deed undisturbed, and return the trace of the calls that changed files."""
        child = self.paused()
        with traced(child.pid, "-xx", "-s", "100000000", "-o", str(self.folder / "trace"), calls=(*CHANGES, *OTHERS)):
            outcome = child.resume()
        assert outcome.state == "done", outcome.error
        return self.folder / "trace"

    def counted(self) -> dict[str, int]:
        """Return how often each call before which processes are killed is made."""
        child = self.paused()
        with traced(child.pid, "-o", str(self.folder / "counts"), calls=DEADLY):
            outcome = child.resume()
        assert outcome.state == "done", outcome.error
        return counted(self.folder / "counts")

    def check(self, base: Path, acknowledged: int, scratch: Path) -> None:
        """Check that what was acknowledged is there and nothing is half done, and that the stores can be used."""
        found = seen(self.deed, base)
        if self.states[acknowledged]["store"] == SET_ASIDE:
            assert found["store"] != DAMAGED, "the quarantine is lost"
        if self.deed.mend and found["store"] in ({}, DAMAGED, SET_ASIDE) and acknowledged < len(self.states) - 1:
            self.deed.mend(base)
            found = seen(self.deed, base) | {name: found[name] for name in found if name != "store"}
            assert found["store"] == self.states[-1]["store"], "doing it again does not help"
            found["store"] = self.states[acknowledged]["store"]
        steps = self.states[acknowledged : acknowledged + 2]
        allowed = list(between(self.deed, *steps)) if len(steps) == 2 else steps
        if found not in allowed:
            differing = [name for name in found if all(found[name] != state[name] for state in allowed)]
            raise AssertionError(f"after {acknowledged} steps {differing or 'the folders'} are not as acknowledged")
        for name in self.deed.stores:
            if found[name]:
                self._use(base, name, found[name], scratch)

    def _use(self, base: Path, name: str, found: Any, scratch: Path) -> None:
        with Store.open(base / name) as store:
            if name == "store":
                shutil.rmtree(scratch, ignore_errors=True)
                source = write(scratch / "source", next=noise(700, 1), too=noise(90_000, 2))
                draft = store.draft("next", "dataset")
                store.add_dir(draft, source)
                store.get(store.commit(draft), scratch / "out")
                assert tree_of(scratch / "out") == tree_of(source)
            store.gc()
            check_clean(store)
        check_no_locks(base / name)
        check_folders_of_runs(base / name)
        files = {key: found[key] for key in found if key.startswith("files ")} if isinstance(found, dict) else None
        if files:
            left = state_of(base / name)
            assert files == {key: left.get(key) for key in files}, "a collection changed the files of runs"
        leftovers = [path.name for path in (base / name).iterdir() if path.name.startswith(".")]
        assert leftovers == [], f"{leftovers} are left in {name}"
