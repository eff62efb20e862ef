"""Connections of threads are closed, whichever way their store ends."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

from artstore import Store


def open_files() -> list[str]:
    """Return the paths that this process has open."""
    numbers = os.listdir("/proc/self/fd")
    return [os.readlink(f"/proc/self/fd/{number}") for number in numbers if os.path.exists(f"/proc/self/fd/{number}")]


def test_a_store_that_is_forgotten_leaves_no_connection_of_any_thread(tmp_path: Path) -> None:
    """Python 3.13 warns of a connection that the garbage collector has to close, and tests fail with it."""
    Store.init(tmp_path / "store").close()
    store = Store.open(tmp_path / "store")
    used, forgotten = threading.Event(), threading.Event()

    def use() -> None:
        held[0].collections()
        used.set()
        forgotten.wait()

    held = [store]
    thread = threading.Thread(target=use)
    thread.start()
    used.wait()
    catalog = str(tmp_path / "store" / "artstore.db")
    assert catalog in open_files()
    del store, held[0]
    gc.collect()
    try:
        assert catalog not in open_files()
    finally:
        forgotten.set()
        thread.join()
