"""What a killed download left under a temporary name is removed by the next one, and nothing else is."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from artstore.store import Store
from tests.support.files import commit_folder, write_files

LONG = "n" * 60


def test_what_a_killed_download_left_is_removed(tmp_path: Path) -> None:
    source = write_files(tmp_path / "source", {"d/weights": b"new", LONG: b"new"})
    (source / "link").symlink_to("d/weights")
    root = write_files(
        tmp_path / "root",
        {
            "d/weights": b"old",
            "d/.weights-0123456789ab": b"left",
            "d/.weights-ba9876543210": b"being written",
            "d/.weights-0123": b"mine",
            "d/.other-0123456789ab": b"mine",
            LONG: b"old",
            f".{LONG[:50]}-0123456789ab": b"left",
        },
    )
    for name in ("link", ".link-0123456789ab", ".link-ba9876543210"):
        (root / name).symlink_to("d/old")
    minute_ago = time.time() - 61
    os.utime(root / ".link-0123456789ab", (minute_ago, minute_ago), follow_symlinks=False)
    with Store.init(tmp_path / "store") as store, open(root / "d/.weights-ba9876543210", "rb") as in_use:
        fcntl.flock(in_use, fcntl.LOCK_EX)
        commit_folder(store, source)
        store.get("animals:v0", root)
    assert {path.name for path in root.rglob("*") if path.name != "d"} == {
        "weights",
        ".weights-ba9876543210",
        ".weights-0123",
        ".other-0123456789ab",
        LONG,
        "link",
        ".link-ba9876543210",
    }
    assert (root / "d" / "weights").read_bytes() == b"new"
