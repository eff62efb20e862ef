"""One of several processes that write to one collection: prints the seconds of its slowest commit.

`python -m benchmarks.targets.writer_process STORE VERSIONS NAME`
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from artstore import Store


def main(path: str, versions: int, name: str) -> None:
    """Commit versions that all differ."""
    longest = 0.0
    with Store.init(path) as store, tempfile.TemporaryDirectory() as folder:
        for i in range(versions):
            (Path(folder) / "file").write_text(f"{name} {i}")
            start = time.perf_counter()
            draft = store.draft("shared", "dataset")
            store.add_dir(draft, folder)
            store.commit(draft)
            longest = max(longest, time.perf_counter() - start)
    print(longest)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
