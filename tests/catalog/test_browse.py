"""Windows of a version's folders, and curves reduced to the points that a chart shows."""

from __future__ import annotations

from pathlib import Path

import pytest

import artstore
from artstore import Store, Version
from artstore.catalog import curves
from artstore.store import Store as StoreType
from tests.support.files import write_files


def commit(store: StoreType, folder: Path, paths: list[str]) -> Version:
    """Commit small files at these paths."""
    draft = store.draft("a", "t")
    store.add_dir(draft, write_files(folder, {path: path.encode() for path in paths}))
    return store.commit(draft)


def names(store: StoreType, version: Version, folder: str = "", **window: object) -> list[str]:
    """Return the names in a folder, those of folders with a slash."""
    found = store.browse.folder(version, folder, **window)  # type: ignore[arg-type]
    return [child.name + ("" if child.entry else "/") for child in found]


def test_a_folder_lists_files_and_folders_in_path_order(store: Store, source: Path) -> None:
    paths = ["a!", "a/b", "a/c/d", "a0", "b", "é/x", "z/1", "z/2"]
    version = commit(store, source, paths)
    assert names(store, version) == ["a!", "a/", "a0", "b", "z/", "é/"]
    assert names(store, version, "a/") == ["b", "c/"]
    assert names(store, version, "a/c/") == ["d"]
    assert names(store, version, "nothing/") == []


def test_windows_join_without_gaps(store: Store, source: Path) -> None:
    paths = [f"d{number:03}/{part}" for number in range(150) for part in ("x", "y/z")]
    paths += [f"d{number:03}!" for number in range(150)] + ["d149", "e"][1:]
    version = commit(store, source, paths)
    every = names(store, version, count=1000)
    assert len(every) == 301
    joined: list[str] = []
    while page := names(store, version, after=joined[-1] if joined else "", count=7):
        joined += page
    assert joined == every


def test_curves_keep_the_lowest_and_the_highest_value(tmp_path: Path) -> None:
    with artstore.init(project="p", id="r", store=tmp_path / "store") as run:
        for step in range(1000):
            run.log({"loss": 5.0 if step == 500 else 1.0, "text": "x", "flag": True})
    with Store.open(tmp_path / "store") as store:
        record = store.runs.find("p/r", "p")
        found = store.runs.curves(record, points=10)
        assert list(found) == ["loss"]
        assert len(found["loss"]) == 10
        assert (max(point.high for point in found["loss"]), min(point.low for point in found["loss"])) == (5.0, 1.0)
        part = store.runs.curves(record, points=10, first=100, last=109)["loss"]
        assert [point.step for point in part] == list(range(100, 110))


def test_a_long_history_is_read_at_evenly_spaced_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with artstore.init(project="p", id="r", store=tmp_path / "store") as run:
        for step in range(2000):
            run.log({"loss": float(step)})
    monkeypatch.setattr(curves, "_ALL", 100)
    with Store.open(tmp_path / "store") as store:
        points = store.runs.curves(store.runs.find("p/r", "p"), points=50)["loss"]
    assert len(points) in (50, 51)
    assert (points[0].step < 40, points[-1].step > 1950) == (True, True)
    assert [point.step for point in points] == sorted(point.step for point in points)
    assert all(point.mean == point.step for point in points)


def test_a_run_without_history_has_no_curves(tmp_path: Path) -> None:
    artstore.init(project="p", id="r", store=tmp_path / "store").finish()
    with Store.open(tmp_path / "store") as store:
        assert store.runs.curves(store.runs.find("p/r", "p")) == {}
