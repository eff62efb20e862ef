"""Long operations show how far they are in terminals, notebooks and logs, with the total and the time left."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from artstore.runtime import progress_display, terminal
from artstore.runtime.progress import SILENT, Progress
from artstore.store import Store
from tests.support.files import noise

Clock = Callable[[float], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Moves the clock of progress to a time in seconds."""
    now = [0.0]
    monkeypatch.setattr("artstore.runtime.progress_display.time.monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, seconds)


def test_a_log_gets_a_line_every_five_seconds_with_total_speed_and_time_left(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    lines = progress_display.Lines()
    lines.begin("adding big.bin", 2_000_000_000, "bytes")
    for second in range(1, 21):
        clock(second)
        lines.advance(100_000_000)
    lines.end()
    assert capsys.readouterr().err.splitlines() == [
        "artstore: adding big.bin: 600.0 MB of 2.0 GB, 30%, 100.0 MB/s, 14 s left",
        "artstore: adding big.bin: 1.1 GB of 2.0 GB, 55%, 100.0 MB/s, 9 s left",
        "artstore: adding big.bin: 1.6 GB of 2.0 GB, 80%, 100.0 MB/s, 4 s left",
        "artstore: adding big.bin: 2.0 GB in 20 s",
    ]


def test_a_short_step_prints_nothing(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    listeners: list[Progress] = [progress_display.Lines(), progress_display.Bars(), progress_display.NotebookBars()]
    for listener in listeners:
        listener.begin("adding", 10, "bytes")
        clock(0.9)
        listener.advance(10)
        listener.end()
        clock(0)
    assert capsys.readouterr().err == ""


def test_what_has_no_total_tells_the_amount_and_a_name_cannot_move_the_cursor(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    lines = progress_display.Lines()
    lines.begin("listing \x1b[2J", None, "files")
    clock(6)
    lines.advance(1200)
    lines.end()
    assert capsys.readouterr().err.splitlines()[0] == r"artstore: listing \x1b[2J: 1,200 files"


def test_bars_count_the_work_of_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("FORCE_COLOR", "1")
    bars = progress_display.Bars(patience=0)
    bars.begin("adding [animals]", 4000, "files")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(bars.advance, [1] * 4000))
    bars.end()
    assert "adding [animals]" in screen.getvalue()
    assert "4000/4000" in screen.getvalue()


def test_what_shows_progress_fits_where_the_program_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    assert isinstance(terminal.progress(), progress_display.Lines)
    monkeypatch.setattr(screen, "isatty", lambda: True)
    assert isinstance(terminal.progress(), progress_display.Bars)
    monkeypatch.setenv("ARTSTORE_SILENT", "1")
    assert terminal.progress() is SILENT


class Told:
    """Remembers the steps, their totals, and what was done of each."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int | None]] = []
        self.done: list[int] = []

    def begin(self, what: str, total: object, unit: str) -> None:
        found = total() if callable(total) else total
        assert found is None or isinstance(found, int)
        self.steps.append((what, found))
        self.done.append(0)

    def advance(self, amount: int) -> None:
        self.done[-1] += amount

    def end(self) -> None: ...


def test_every_long_operation_knows_its_total_and_reaches_it(store: Store, source: Path, tmp_path: Path) -> None:
    size = 3_000_000
    (source / "big.bin").write_bytes(noise(size, "big"))
    (source / "small.bin").write_bytes(b"small")
    told = Told()
    draft = store.draft("animals", "dataset")
    store.add_file(draft, source / "big.bin", progress=told)
    store.commit(draft)
    draft = store.draft("folder", "dataset")
    store.add_dir(draft, source, progress=told)
    store.commit(draft)
    store.get("animals:v0", tmp_path / "a", progress=told)
    store.get("folder:v0", tmp_path / "b", path_prefix="big.bin", progress=told)
    store.verify(progress=told)
    store.backup(tmp_path / "backup", progress=told)
    names = [what for what, _ in told.steps]
    assert names == [
        *("adding big.bin", "adding source", "getting animals:v0", "getting folder:v0", "verifying", "backing up"),
    ]
    assert [total for _, total in told.steps][:4] == [size, size + 5, size, size]
    assert [total for _, total in told.steps] == told.done


_PROGRAM = """
import sys
from artstore.runtime import progress_display
progress_display.{kind}.patience = progress_display.{kind}.every = 0
from artstore.cli import main
main()
"""


def test_put_and_get_write_progress_into_a_log(tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(noise(5_000_000, "log"))
    for words, what in (
        (["put", "big.bin", "--name", "big", "--type", "dataset"], "adding big.bin"),
        (["get", "big", "--root", "out"], "getting big:v0"),
    ):
        command = [sys.executable, "-c", _PROGRAM.format(kind="Lines"), *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        lines = [line for line in done.stderr.splitlines() if what in line]
        assert re.fullmatch(rf"artstore: {what}: .* of 5.0 MB, \d+%, .*/s.*", lines[0])
        assert re.fullmatch(rf"artstore: {what}: 5.0 MB in \d+ s", lines[-1])
