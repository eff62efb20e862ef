"""Verification finds nothing wrong with a store that others are writing to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from artstore import Store
from tests.support.files import commit_folder, noise, store_with_versions, write_files


@contextmanager
def writer(store: Path, source: Path) -> Iterator[None]:
    """Commit one small file after the other until the block ends."""
    stop, failed = threading.Event(), list[Exception]()

    def write() -> None:
        with Store.open(store) as opened:
            turn = 0
            while not stop.is_set():
                turn += 1
                draft = opened.draft("busy", "dataset")
                opened.add_dir(draft, write_files(source, {"file": noise(900, turn)}))
                opened.commit(draft)

    def run() -> None:
        try:
            write()
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    stop.set()
    thread.join()
    assert failed == []


def test_nothing_is_found_while_another_commits(tmp_path: Path) -> None:
    store = store_with_versions(tmp_path / "store")
    with Store.open(store) as opened:
        for name in ("a", "b", "c"):
            commit_folder(opened, write_files(tmp_path / name, {"x": noise(200_000, name)}), name)
        with writer(store, tmp_path / "source"):
            for _ in range(12):
                assert opened.verify().findings == []
