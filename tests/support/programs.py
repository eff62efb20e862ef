"""Run programs that use artstore in processes of their own, and look at their runs from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from artstore import Api, Store
from artstore.tracking.public_run import PublicRun
from tests.support.store_checks import check_clean, check_no_locks, check_numbers

TIMEOUT = 60
WITHOUT_RIGHTS = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
"""A command prefix under which file permissions apply even when the tests run as root."""
PREAMBLE = """
import multiprocessing
import os
import signal
import sys
import threading

import artstore

def new_draft(name, content="x", type="dataset"):
    artifact = artstore.Artifact(name, type)
    with artifact.new_file("file.txt") as file:
        file.write(str(content))
    return artifact

def say(*words):
    print(*words, flush=True)
"""


class Result(NamedTuple):
    """The exit code of a program and what it printed."""

    code: int
    out: list[str]
    err: str


class ProgramFolder:
    """A folder with a store that programs log to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store"

    def start(self, source: str) -> Program:
        """Start a program, which finds the store by ARTSTORE_DIR."""
        path = self.folder / "program.py"
        path.write_text(PREAMBLE + source)
        environment = {**os.environ, "ARTSTORE_DIR": str(self.store), "PYTHONFAULTHANDLER": "1"}
        return Program(path, environment)

    def run(self, source: str) -> Result:
        """Run a program to its end."""
        return self.start(source).wait()

    def public_run(self, id: str = "r") -> PublicRun:
        """Return a run as another process sees it."""
        return Api(store=self.store).run(f"uncategorized/{id}")

    def states(self) -> dict[str, str]:
        """Return the states of all runs by their ids."""
        return {run.id: run.state for run in Api(store=self.store).runs("uncategorized")}

    def produced(self, id: str = "r") -> list[str]:
        """Return the names of the versions that a run logged."""
        return [artifact.name for artifact in self.public_run(id).logged_artifacts()]

    def contents(self, name: str) -> list[str]:
        """Return the text of `file.txt` in each version of a collection, oldest first."""
        with Store.open(self.store) as store:
            texts = []
            for version in reversed(list(store.versions(name))):
                entry = store.entry(version, "file.txt")
                assert entry is not None
                texts.append(b"".join(store.read(entry)).decode())
            return texts

    def check(self) -> None:
        """Check that nothing is damaged, numbers have no gaps, and one collection leaves nothing to collect."""
        with Store.open(self.store) as store:
            check_numbers(store)
            assert store.verify().findings == []
            store.gc()
            check_clean(store)
        check_no_locks(self.store)


class Program:
    """A running program."""

    def __init__(self, path: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(path)],
            cwd=path.parent,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def expect(self, line: str) -> None:
        """Wait for the next line of output, and check it."""
        assert self._process.stdout is not None
        printed = self._process.stdout.readline()
        assert printed == line + "\n", f"{printed!r} instead of {line!r}: {self.wait().err}"

    def send_line(self) -> None:
        """Send an empty line to its input."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self) -> Result:
        """Wait until it has ended."""
        try:
            out, err = self._process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            # The fault handler prints where it hangs.
            self._process.kill()
            out, err = self._process.communicate()
            raise AssertionError(f"it hangs: {out}\n{err}") from None
        return Result(self._process.returncode, out.splitlines(), err)


@contextmanager
def writer_at_work(folder: Path) -> Iterator[None]:
    """Hold the write lock of a store until the block ends: other commits wait."""
    with Store.open(folder) as store, store.db.writing():
        yield


def run_script(
    script: str,
    *arguments: object,
    prefix: Sequence[str] = (),
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = TIMEOUT,
) -> subprocess.CompletedProcess[str]:
    """Run a Python script in a child process; return its exit code and what it printed.

    `prefix` goes before the interpreter, `options` are its own, and `environment` is added to the environment.
    """
    command = [*prefix, sys.executable, *options, "-c", textwrap.dedent(script), *map(str, arguments)]
    variables = {**os.environ, **(environment or {})}
    return subprocess.run(command, env=variables, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)


def script_output(script: str, *arguments: object, **options: Any) -> str:
    """Run a Python script that must succeed; return its standard output."""
    done = run_script(script, *arguments, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_python(script: str, *arguments: object, prefix: Sequence[str] = WITHOUT_RIGHTS) -> str:
    """Run a script that must succeed, in a process to which file permissions apply; return all that it prints."""
    done = run_script(script, *arguments, prefix=prefix)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
