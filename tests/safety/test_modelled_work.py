"""Many processes commit, delete, label, read, upsert, back up and verify at once, each beside a model of its work."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from artstore.store import Store
from tests.support.budgets import BUDGET
from tests.support.figures import Figures, Record
from tests.support.files import store_with_versions
from tests.support.kill_points import TaskRunner
from tests.support.modelled_work import POOL, work_beside_a_model
from tests.support.plain_reader import state_of
from tests.support.store_checks import check_clean, check_no_locks


def work(runner: TaskRunner, folder: Path, processes: int, seconds: float) -> Figures:
    store = store_with_versions(folder / "store")
    children = [
        runner.start(work_beside_a_model, store=store, scratch=folder / "work", seed=seed, seconds=seconds)
        for seed in range(processes)
    ]
    figures = Figures()
    for seed, child in enumerate(children):
        outcome = child.wait(seconds + 300)
        if outcome.state != "done" or outcome.reports:
            figures.wrong.append(f"process {seed} {outcome.state}: {outcome.error}{''.join(outcome.reports)}")
    models = [json.loads((folder / "work" / f"{seed}" / "model.json").read_text()) for seed in range(processes)]
    with Store.open(store) as opened:
        for pending in opened.pending():
            if pending.entries:
                opened.finish(pending)
        opened.gc()
        check_clean(opened)
    check_no_locks(store)
    compare(store, models)
    figures.tried.update(sum((Counter(model["done"]) for model in models), Counter[str]()))
    return figures


def compare(store: Path, models: list[dict[str, dict[str, object]]]) -> None:
    """Compare the store, read without artstore, with what each process expects."""
    found = state_of(store)
    expected = {
        f"uncategorized/own-{seed}:v{number}": version
        for seed, model in enumerate(models)
        for number, version in model["versions"].items()
    }
    pool = []
    for name, version in found.items():
        if name.startswith("collection ") or name == "algorithm":
            continue
        paths = [entry[0] for entry in version["entries"]]
        if name.startswith(f"uncategorized/{POOL}:"):
            pool += paths
        else:
            seen = {"paths": paths, "aliases": version["aliases"], "tags": version["tags"]}
            assert seen == expected.pop(name), f"{name} is not as its process left it"
    assert expected == {}, f"{sorted(expected)} are gone"
    assert sorted(pool) == sorted(path for model in models for path in model["upserted"])


def test_a_sample(runner: TaskRunner, tmp_path: Path, record_property: Record) -> None:
    work(runner, tmp_path, 4, 2).report(record_property, "work of 4 processes beside a model")


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_sixteen_processes(runner: TaskRunner, tmp_path: Path, record_property: Record) -> None:
    figures = work(runner, tmp_path, 16, BUDGET.seconds)
    figures.report(record_property, f"work of 16 processes beside a model for {BUDGET.seconds:.0f} s")
