"""Many processes create and write one store at the same time: no version is lost, no writer starves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from artstore import Store

WRITER = """
import sys
from pathlib import Path
from artstore import Store
store, name, count, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
with Store.init(store) as opened:
    for i in range(count):
        (folder / "file").write_text(f"{name} {i}")
        draft = opened.draft("shared", "dataset")
        opened.add_dir(draft, folder)
        print(opened.commit(draft).number)
"""


def test_eight_processes_that_create_and_write_one_store_lose_no_version(tmp_path: Path) -> None:
    running = []
    for name in range(8):
        folder = tmp_path / str(name)
        folder.mkdir()
        command = [sys.executable, "-c", WRITER, str(tmp_path / "store"), str(name), "50", str(folder)]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    ended = [process.communicate() for process in running]
    assert [errors for _, errors in ended] == [""] * 8
    numbers = [[int(line) for line in printed.split()] for printed, _ in ended]
    assert all(row == sorted(row) and len(row) == 50 for row in numbers)
    assert sorted(number for row in numbers for number in row) == list(range(400))
    with Store.open(tmp_path / "store") as store:
        assert sum(1 for _ in store.versions("shared")) == 400
        assert store.verify().ok
