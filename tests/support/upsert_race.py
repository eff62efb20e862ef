"""Processes that upsert at once to one pending version, some of which are killed meanwhile.

    python upsert_race.py spawn|fork STORE WRITERS FILES AT_ONCE KILLED

prints, as JSON, the paths whose upserts were acknowledged, and those that a killed process was about to upsert.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from multiprocessing.connection import Connection

import artstore
from artstore import Artifact

GROUP, NAME = "batch", "shared"


def content(path: str) -> bytes:
    """What a file holds, by its path; every tenth file holds the same."""
    return b"the same" if path.endswith("0") else path.encode() * 50


def add(writer: int, files: int, at_once: int, said: Connection) -> None:
    """Upsert files, some at once; say their paths before, and again once they are acknowledged."""
    paths = [f"{writer}/{number:05}" for number in range(files)]
    with artstore.init(group=GROUP, id=f"writer-{writer}") as run:
        for start in range(0, files, at_once):
            artifact = Artifact(NAME, "dataset")
            for path in paths[start : start + at_once]:
                with artifact.new_file(path, "wb") as file:
                    file.write(content(path))
            said.send(("tries", paths[start : start + at_once]))
            run.upsert_artifact(artifact).wait()
            said.send(("has", paths[start : start + at_once]))


def race(kind: str, writers: int, files: int, at_once: int, killed: int) -> dict[str, list[str]]:
    """Have writers work at once; kill some, each after it has said something of what it is there for."""
    context = multiprocessing.get_context(kind)
    started = []
    for writer in range(writers):
        reading, writing = context.Pipe(duplex=False)
        process = context.Process(target=add, args=(writer, files, at_once, writing))  # type: ignore[attr-defined]
        process.start()
        writing.close()
        started.append((process, reading))
    told: dict[str, list[str]] = {"has": [], "tries": []}
    for writer in range(killed):
        process, reading = started[writer]
        # An odd number of messages leaves it in the middle of an upsert.
        for _ in range(2 * writer + 1):
            said, paths = reading.recv()
            told[said] += paths
        process.kill()
    for process, reading in started:
        while True:
            try:
                said, paths = reading.recv()
            except EOFError:
                break
            told[said] += paths
        process.join()
        assert process.exitcode in (0, -9), process.exitcode
    told["tries"] = sorted(set(told["tries"]) - set(told["has"]))
    return told


if __name__ == "__main__":
    kind, store, *numbers = sys.argv[1:]
    os.environ["ARTSTORE_DIR"] = store
    artstore.Store.init(store).close()
    print(json.dumps(race(kind, *map(int, numbers))))
