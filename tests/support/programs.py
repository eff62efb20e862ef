"""Programs that use artstore, each run to its end in a process of its own, and what others see of its runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from artstore import Api, Store
from artstore.tracking.public_run import PublicRun
from tests.support.store_checks import check_clean, check_no_locks, check_numbers

PATIENCE = 60
WITHOUT_RIGHTS = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
"""What to start a program with, so that permissions count for it although the tests run as root."""
PREAMBLE = """
import multiprocessing
import os
import signal
import sys
import threading

import artstore

def made(name, content="x", type="dataset"):
    artifact = artstore.Artifact(name, type)
    with artifact.new_file("file.txt") as file:
        file.write(str(content))
    return artifact

def say(*words):
    print(*words, flush=True)
"""


class Ended(NamedTuple):
    """How a program ended, and what it said."""

    code: int
    out: list[str]
    err: str


class Place:
    """A folder with a store in it that programs log to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store"

    def start(self, source: str) -> Program:
        """Start a program. It finds the store by ARTSTORE_DIR."""
        path = self.folder / "program.py"
        path.write_text(PREAMBLE + source)
        environment = {**os.environ, "ARTSTORE_DIR": str(self.store), "PYTHONFAULTHANDLER": "1"}
        return Program(path, environment)

    def run(self, source: str) -> Ended:
        """Run a program to its end."""
        return self.start(source).end()

    def look(self, id: str = "r") -> PublicRun:
        """A run, as another process sees it."""
        return Api(store=self.store).run(f"uncategorized/{id}")

    def states(self) -> dict[str, str]:
        return {run.id: run.state for run in Api(store=self.store).runs("uncategorized")}

    def produced(self, id: str = "r") -> list[str]:
        return [each.name for each in self.look(id).logged_artifacts()]

    def contents(self, name: str) -> list[str]:
        """What `file.txt` of each version of a collection holds, the oldest first."""
        with Store.open(self.store) as store:
            found = []
            for version in reversed(list(store.versions(name))):
                entry = store.entry(version, "file.txt")
                assert entry is not None
                found.append(b"".join(store.read(entry)).decode())
            return found

    def check(self) -> None:
        """Nothing is damaged, numbers have no holes, and after one collection nothing is left."""
        with Store.open(self.store) as store:
            check_numbers(store)
            assert store.verify().findings == []
            store.gc()
            check_clean(store)
        check_no_locks(self.store)


class Program:
    """A program under way."""

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

    def hear(self, words: str) -> None:
        """Wait until it has said something."""
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said == words + "\n", f"{said!r} instead of {words!r}: {self.end().err}"

    def go_on(self) -> None:
        """Let it read a line."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self) -> Ended:
        """Wait until it has ended."""
        try:
            out, err = self._process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            # The fault handler says where it hangs.
            self._process.kill()
            out, err = self._process.communicate()
            raise AssertionError(f"it hangs: {out}\n{err}") from None
        return Ended(self._process.returncode, out.splitlines(), err)


@contextmanager
def writing_held(place: Path) -> Iterator[None]:
    """Have another writer at work in a store: what wants to be committed meanwhile waits."""
    with Store.open(place) as store, store.db.writing():
        yield


def python(script: str, *arguments: object, prefix: list[str] = WITHOUT_RIGHTS) -> str:
    """Run a script in a process that permissions count for; return what it prints."""
    command = [*prefix, sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    return done.stdout
