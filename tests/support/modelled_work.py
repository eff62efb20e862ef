"""Processes that share a store and its content, each beside a model: what it did, and what must therefore be there.

Each process has a collection of its own and knows all of it. All of them upsert to one pending version and finish it,
so that what was acknowledged to any of them must be in some version of `pool`, once.
"""

from __future__ import annotations

import json
import random
import shutil
import time
import traceback
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from artstore import Store
from artstore.errors import NotFound
from tests.support.deed_tools import noise
from tests.support.kill_points import Probe

SIZES = {"small": 700, "middle": 70_000, "large": 300_000}
NAMES = [f"{kind}-{i}" for i in range(8) for kind in SIZES]
POOL = "pool"


def content_of(path: str) -> bytes:
    """Return the content of a file, which follows from its name."""
    name = path.rpartition("/")[2]
    return noise(SIZES.get(name.partition("-")[0], 40), name)


@dataclass
class Model:
    """What a process expects."""

    versions: dict[int, dict[str, list[str]]] = field(default_factory=dict)
    """The versions of its collection that live: the sorted paths, aliases and tags of each."""
    next_number: int = 0
    upserted: list[str] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    """How often it did what."""


class _Worker:
    def __init__(self, store: Store, scratch: Path, seed: int) -> None:
        self.store = store
        self.model = Model()
        self._scratch = scratch
        self._seed = seed
        self._name = f"own-{seed}"
        self._draw = random.Random(seed)
        self._turn = 0

    def step(self) -> None:
        """Do something, and compare with the model."""
        self._turn += 1
        kinds = (
            *(self.commit,) * 5,
            *(self.delete,) * 4,
            *(self.label,) * 3,
            *(self.read,) * 4,
            *(self.upsert,) * 2,
            *(self.compare,) * 2,
            self.finish,
            self.collect,
        )
        rare = (self.verify, self.backup)
        do = self._draw.choice(rare if self._turn % 25 == 0 else kinds)
        do()
        self.model.done[do.__name__] = self.model.done.get(do.__name__, 0) + 1

    def _folder(self, names: list[str]) -> Path:
        folder = self._scratch / "source"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_bytes(content_of(name))
        return folder

    def _any(self) -> int | None:
        return self._draw.choice(list(self.model.versions)) if self.model.versions else None

    def commit(self) -> None:
        names = sorted([*self._draw.sample(NAMES, 4), f"turn-{self._seed}-{self._turn}"])
        draft = self.store.draft(self._name, "dataset")
        self.store.add_dir(draft, self._folder(names))
        version = self.store.commit(draft, aliases=["newest"])
        assert version.number == self.model.next_number, f"{version.name} instead of v{self.model.next_number}"
        for other in self.model.versions.values():
            other["aliases"] = [alias for alias in other["aliases"] if alias != "newest"]
        self.model.versions[version.number] = {"paths": names, "aliases": ["newest"], "tags": []}
        self.model.next_number += 1

    def delete(self) -> None:
        number = self._any()
        if number is not None:
            self.store.delete(f"{self._name}:v{number}", delete_aliases=True)
            del self.model.versions[number]

    def label(self) -> None:
        number = self._any()
        if number is not None:
            label = self._draw.choice("xyz")
            self.store.describe(f"{self._name}:v{number}", add_aliases=[label], add_tags=[label])
            for other in self.model.versions.values():
                other["aliases"] = [alias for alias in other["aliases"] if alias != label]
            labels = self.model.versions[number]
            labels["aliases"] = sorted({*labels["aliases"], label})
            labels["tags"] = sorted({*labels["tags"], label})

    def read(self) -> None:
        number = self._any()
        if number is not None:
            root = self._scratch / f"read-{self._turn}"
            self.store.get(f"{self._name}:v{number}", root)
            assert sorted(path.name for path in root.iterdir()) == self.model.versions[number]["paths"]
            for path in root.iterdir():
                assert path.read_bytes() == content_of(path.name), f"{path.name} has other content"
            shutil.rmtree(root)

    def upsert(self) -> None:
        name = f"{self._draw.choice(list(SIZES))}-{self._seed}-{self._turn}"
        draft = self.store.draft(POOL, "dataset")
        self.store.add_dir(draft, self._folder([name]))
        self.store.upsert(draft, "all")
        self.model.upserted.append(name)

    def finish(self) -> None:
        for pending in self.store.pending():
            try:
                self.store.finish(pending)
            except NotFound:
                continue  # Another process has finished it.

    def collect(self) -> None:
        self.store.gc()

    def verify(self) -> None:
        findings = self.store.verify().findings
        assert findings == [], f"verify finds {findings}"

    def backup(self) -> None:
        target = self._scratch / "backup"
        result = self.store.backup(target)
        assert result.findings == (), f"the backup finds {result.findings}"
        with Store.open(target) as copy:
            self._compare(copy)
            assert copy.verify().findings == []

    def compare(self) -> None:
        self._compare(self.store)

    def _compare(self, store: Store) -> None:
        found = {}
        if self.model.next_number:
            for version in store.versions(self._name):
                paths = sorted(entry.path for entry in store.entries(version))
                aliases = sorted(set(version.aliases) - {"latest"})
                found[version.number] = {"paths": paths, "aliases": aliases, "tags": sorted(version.tags)}
        assert found == self.model.versions, f"{self._name} is {found}, and not {self.model.versions}"


def work_beside_a_model(probe: Probe, store: str, scratch: str, seed: int, seconds: float) -> None:
    """Work at random for some seconds; write the model, and report what is wrong."""
    folder = Path(scratch, str(seed))
    folder.mkdir(parents=True)
    until = time.monotonic() + seconds
    with closing(Store.open(store)) as opened:
        worker = _Worker(opened, folder, seed)
        try:
            while time.monotonic() < until:
                worker.step()
        except Exception:
            probe.report(traceback.format_exc())
    (folder / "model.json").write_text(json.dumps(asdict(worker.model)), encoding="utf-8")
