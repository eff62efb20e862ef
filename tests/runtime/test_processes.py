"""Worker processes: results and errors come back, and a worker never outlives what it works for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from artstore.errors import StoreError
from artstore.runtime import processes
from artstore.runtime.worker_process import WorkerProcess
from tests.support import worker_calls
from tests.support.programs import script_output

SECONDS = 30


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    worker = WorkerProcess()
    yield worker
    worker.kill()
    worker.close()


def wait_for_end(pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(SECONDS)


def test_results_come_in_the_order_of_the_batches() -> None:
    batches = list(range(40))
    done = processes.map_batches(
        batches,
        here=lambda batch: (os.getpid(), batch),
        in_worker=worker_calls.process_and,
        arguments=lambda batch: (batch,),
        workers=3,
    )
    results = [(batch, *result) for batch, result in done]
    assert [(batch, value) for batch, _, value in results] == [(batch, batch) for batch in batches]
    assert len({process for _, process, _ in results}) > 1


def test_few_batches_are_at_workers_at_once_also_after_others_were_done_here() -> None:
    """Each holds a pack open, and what was written to it in memory."""
    sent: list[int] = []

    def slowly_here(batch: int) -> tuple[int, int]:
        time.sleep(0.001)
        return 0, batch

    def arguments(batch: int) -> tuple[int]:
        sent.append(batch)
        return (batch,)

    done = processes.map_batches(
        range(300), here=slowly_here, in_worker=worker_calls.process_and, arguments=arguments, workers=2
    )
    at_once, done_here, returned = 0, 0, 0
    for _, (process, _) in done:
        at_once = max(at_once, len(sent) - returned)
        returned += process != 0
        done_here += process == 0
    assert done_here > 5
    assert 2 <= at_once <= 5


def test_large_calls_and_results_do_not_wait_for_each_other(worker: WorkerProcess) -> None:
    data = os.urandom(4 << 20)
    results = [worker.submit(worker_calls.process_and, data) for _ in range(6)]
    assert all(result.result(SECONDS)[1] == data for result in results)


def test_an_error_of_a_call_is_raised_where_its_result_is_asked_for(worker: WorkerProcess) -> None:
    failed = worker.submit(worker_calls.fail, KeyError("missing"))
    with pytest.raises(KeyError, match="missing") as caught:
        failed.result(SECONDS)
    assert "in fail" in caught.value.__notes__[0]
    assert worker.submit(worker_calls.process_and, 1).result(SECONDS)[1] == 1


def test_what_a_call_prints_does_not_mix_with_the_results(worker: WorkerProcess) -> None:
    assert worker.submit(worker_calls.print_and_return, 7).result(SECONDS) == 7


def test_a_worker_that_the_system_ends_is_named(worker: WorkerProcess) -> None:
    pid, _ = worker.submit(worker_calls.process_and, 0).result(SECONDS)
    waiting: list[Future[Any]] = [worker.submit(time.sleep, SECONDS) for _ in range(3)]
    os.kill(pid, signal.SIGKILL)
    for call in (*waiting, worker.submit(worker_calls.process_and, 1)):
        with pytest.raises(StoreError, match="the system ended a process of artstore"):
            call.result(SECONDS)


def test_ctrl_c_at_the_terminal_does_not_end_a_worker(worker: WorkerProcess) -> None:
    pid, _ = worker.submit(worker_calls.process_and, 0).result(SECONDS)
    os.kill(pid, signal.SIGINT)
    assert worker.submit(worker_calls.process_and, 1).result(SECONDS) == (pid, 1)
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.parametrize("busy", [False, True])
def test_a_worker_ends_with_the_process_that_started_it(busy: bool) -> None:
    source = f"""
        import time
        from artstore.runtime.worker_process import WorkerProcess
        from tests.support import worker_calls

        worker = WorkerProcess()
        print(worker.submit(worker_calls.process_and, 0).result()[0], flush=True)
        if {busy}:
            worker.submit(time.sleep, {SECONDS})
        time.sleep({SECONDS})
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(source)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    started = time.monotonic()
    wait_for_end(pid)
    assert time.monotonic() - started < SECONDS / 2


def test_a_worker_imports_nothing_from_the_folder_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pickle", "struct", "artstore", "blake3"):
        (tmp_path / f"{name}.py").write_text(f"open('imported-{name}', 'w')\n")
    monkeypatch.chdir(tmp_path)
    worker = WorkerProcess()
    assert worker.submit(worker_calls.process_and, 1).result(SECONDS)[1] == 1
    worker.close()
    assert list(tmp_path.glob("imported-*")) == []


@pytest.mark.parametrize("executable", ["/nowhere/python", "", None])
def test_without_a_python_to_start_everything_is_done_here(
    executable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    done = processes.map_batches(
        range(20),
        here=lambda batch: -batch,
        in_worker=worker_calls.process_and,
        arguments=lambda batch: (batch,),
        workers=2,
    )
    assert list(done) == [(batch, -batch) for batch in range(20)]


def test_the_main_module_of_a_program_does_not_run_again(tmp_path: Path) -> None:
    printed = script_output(
        "from artstore.runtime.worker_process import WorkerProcess\n"
        "from tests.support import worker_calls\n"
        "print('main')\n"
        "worker = WorkerProcess()\n"
        "print(worker.submit(worker_calls.process_and, 5).result()[1])\n"
        "worker.close()\n"
    )
    assert printed.split() == ["main", "5"]


FORK = """
import os, time
from artstore.runtime.worker_process import WorkerProcess
from tests.support import worker_calls

worker = WorkerProcess()
worker.submit(worker_calls.process_and, 5).result()
child = os.fork()
if child == 0:
    time.sleep(60)
    os._exit(0)
started = time.monotonic()
worker.close()
os.kill(child, 9)
print(time.monotonic() - started)
"""


def test_a_child_that_was_forked_meanwhile_is_not_waited_for() -> None:
    assert float(script_output(FORK)) < SECONDS


def test_what_a_python_prints_when_it_starts_is_not_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('hello from the site', flush=True)\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    worker = WorkerProcess()
    assert worker.submit(worker_calls.process_and, 1).result(SECONDS)[1] == 1
    worker.close()


def test_a_python_behind_a_launcher_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in virtual environments of Windows, where the Python is a child of `python.exe`."""
    launcher = tmp_path / "python"
    launcher.write_text(f'#!/bin/sh\n"{sys.executable}" "$@"\nexit $?\n')
    launcher.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(launcher))
    worker = WorkerProcess()
    time.sleep(1)
    assert worker.submit(worker_calls.process_and, 1).result(SECONDS)[1] == 1
    worker.close()


def test_a_python_that_ends_at_once_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = tmp_path / "python"
    launcher.write_text("#!/bin/sh\nexit 3\n")
    launcher.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(launcher))
    worker = WorkerProcess()
    with pytest.raises(StoreError, match=f"a process that runs {launcher} ended with exit code 3"):
        worker.submit(worker_calls.process_and, 1).result(SECONDS)
    worker.close()


def test_a_second_interrupt_leaves_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one stops the work, and the second one comes while the workers are ended."""
    closed = WorkerProcess.close
    interrupts = [KeyboardInterrupt()]

    def close(worker: WorkerProcess) -> None:
        if interrupts:
            raise interrupts.pop()
        closed(worker)

    started: list[int] = []
    batches = processes.map_batches(
        range(1000),
        here=lambda batch: (0, batch),
        in_worker=worker_calls.process_and,
        arguments=lambda batch: (batch,),
        workers=3,
    )
    while len(started) < 200:
        started.append(next(batches)[1][0])
    monkeypatch.setattr(WorkerProcess, "close", close)
    with pytest.raises(KeyboardInterrupt):
        batches.close()
    workers = set(started) - {0}
    assert workers and not any(psutil.pid_exists(pid) for pid in workers)
