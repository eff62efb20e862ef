"""One of the processes that write to one collection at once: prints the longest that a commit took, in seconds."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from artstore import Store


def main() -> None:
    """Commit 50 versions, each different from all others."""
    longest = 0.0
    with Store.init(sys.argv[1]) as store, tempfile.TemporaryDirectory() as folder:
        for i in range(50):
            (Path(folder) / "file").write_text(f"{sys.argv[2]} {i}")
            start = time.perf_counter()
            draft = store.draft("shared", "dataset")
            store.add_dir(draft, folder)
            store.commit(draft)
            longest = max(longest, time.perf_counter() - start)
    print(longest)


if __name__ == "__main__":
    main()
