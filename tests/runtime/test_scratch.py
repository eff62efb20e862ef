"""Temporary files: those of a process that was killed are removed, and those of a running one are not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from artstore import Store
from tests.support import child_tasks
from tests.support.files import noise, store_with_versions, write_files
from tests.support.kill_points import Outcome, TaskRunner, sampled
from tests.support.servers import WebApp

WRITERS = {
    "new file": "file = artstore.Artifact('n', 't').new_file('f').__enter__(); file.write('private'); file.flush()",
    "disabled run": "artstore.init(mode='disabled')",
    "picture": "import numpy; picture = artstore.Image(numpy.zeros((9, 9, 3), 'uint8')); picture._content.path()",
    "folder": "from artstore.runtime import scratch; (scratch.folder() / 'f').write_text('private')",
}


def start(work: Path, writer: str, then: str) -> subprocess.Popen[str]:
    """Start a program that makes a temporary file."""
    environment = {**os.environ, "TMPDIR": str(work / "tmp"), "ARTSTORE_DIR": str(work / "store")}
    program = f"import artstore, os, sys\nwith artstore.init(mode='offline') as run:\n  {writer}\n  {then}\n"
    return subprocess.Popen([sys.executable, "-c", program], env=environment, stdin=-1, stdout=-1, text=True)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "tmp").mkdir()
    return tmp_path


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("by", ["gc", "the next process"])
def test_what_a_killed_process_left_is_removed(
    work: Path, monkeypatch: pytest.MonkeyPatch, writer: str, by: str
) -> None:
    with start(work, WRITERS[writer], "os.kill(os.getpid(), 9)") as program:
        assert program.wait(60) == -9
    assert files_in(work / "tmp")
    assert all(path.stat().st_mode & 0o077 == 0 for path in (work / "tmp").iterdir())
    if by == "gc":
        environment = {**os.environ, "TMPDIR": str(work / "tmp"), "ARTSTORE_DIR": str(work / "store")}
        subprocess.run([sys.executable, "-m", "artstore", "gc"], env=environment, check=True)
    else:
        with start(work, WRITERS["folder"], "pass") as program:
            assert program.wait(60) == 0
    assert list((work / "tmp").iterdir()) == []


@pytest.mark.parametrize("writer", WRITERS)
def test_what_a_running_process_needs_stays_and_goes_with_it(work: Path, writer: str) -> None:
    with start(work, WRITERS[writer], "print(flush=True); sys.stdin.read()") as program:
        assert program.stdout is not None and program.stdout.readline()
        before = files_in(work / "tmp")
        assert before
        environment = {**os.environ, "TMPDIR": str(work / "tmp")}
        with Store.open(work / "store") as store:
            subprocess.run([sys.executable, "-m", "artstore", "gc", "--store", store.path], env=environment, check=True)
        with start(work, WRITERS["folder"], "pass") as other:
            assert other.wait(60) == 0
        assert files_in(work / "tmp") == before
        program.communicate("")
    assert list((work / "tmp").iterdir()) == []


def test_what_looks_like_a_leftover_and_is_not_stays(work: Path) -> None:
    (work / "elsewhere").mkdir()
    (work / "elsewhere" / "file").write_text("x")
    (work / "tmp" / f"artstore-{'0' * 16}").symlink_to(work / "elsewhere")
    (work / "tmp" / f"artstore-{'1' * 16}").write_text("a file")
    (work / "tmp" / "artstore-notes").mkdir()
    before = sorted(work.rglob("*"))
    with start(work, WRITERS["folder"], "pass") as program:
        assert program.wait(60) == 0
    assert sorted(path for path in work.rglob("*") if not path.is_relative_to(work / "store")) == before


WORKS = {"put": 0, "get": 0, "log a table": 0, "track and download": 1}
"""Work that is killed, and how many folders it needs in TMPDIR, which `gc` and the next process remove."""


@pytest.mark.parametrize("kind", WORKS)
def test_nothing_stays_in_tmpdir_after_work_that_is_killed_at_any_step(
    kind: str, work: Path, runner: TaskRunner, web_app: WebApp, every_step: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(work / "tmp"))
    source = write_files(work / "source", {f"{i}": noise(30_000 * (i % 3), i) for i in range(30)})
    store_with_versions(work / "before", animals=source)
    write_files(source, {"new": b"new"})
    web_app.put("tmpdir/x", noise(300_000, "tracked"))
    arguments = {"work": kind, "store": work / "store", "temporary": work / "tmp", "folder": work / "folder"}
    arguments["source"] = f"{web_app.url}/strong/tmpdir/x" if kind == "track and download" else source

    def run(kill_at: int) -> Outcome:
        for name in ("store", "folder"):
            shutil.rmtree(work / name, ignore_errors=True)
        shutil.copytree(work / "before", work / "store")
        return runner.run(child_tasks.work_in_temporary_folder, **arguments, kill_at=kill_at)

    def collect_garbage() -> int:
        left = list((work / "tmp").iterdir())
        assert all(re.fullmatch("artstore-[0-9a-f]{16}", path.name) for path in left)
        assert all(path.stat().st_mode & 0o077 == 0 for path in left)
        with Store.open(work / "store") as store:
            store.gc()
        assert list((work / "tmp").iterdir()) == []
        return len(left)

    done = run(kill_at=0)
    assert done.state == "done", done.error
    # The process of a task ends without what Python does at its exit.
    assert collect_garbage() == WORKS[kind]
    for at in sampled(len(done.steps), 200 if every_step else 5):
        assert run(kill_at=at).state == "killed"
        assert collect_garbage() <= WORKS[kind]
