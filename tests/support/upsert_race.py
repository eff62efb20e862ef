"""Let processes upsert to one pending version at the same time, and kill some of them.

    python upsert_race.py spawn|fork STORE WRITERS FILES AT_ONCE KILLED

prints, as JSON, the paths whose upserts were acknowledged, and those that a killed process had only begun to upsert.
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
    """Return the content of a file by its path; every tenth file has the same."""
    return b"the same" if path.endswith("0") else path.encode() * 50


def add(writer: int, files: int, at_once: int, messages: Connection) -> None:
    """Upsert files, `at_once` at a time; send their paths before, and again once they are acknowledged."""
    paths = [f"{writer}/{number:05}" for number in range(files)]
    with artstore.init(group=GROUP, id=f"writer-{writer}") as run:
        for start in range(0, files, at_once):
            artifact = Artifact(NAME, "dataset")
            for path in paths[start : start + at_once]:
                with artifact.new_file(path, "wb") as file:
                    file.write(content(path))
            messages.send(("begun", paths[start : start + at_once]))
            run.upsert_artifact(artifact).wait()
            messages.send(("done", paths[start : start + at_once]))


def race(kind: str, writers: int, files: int, at_once: int, killed: int) -> dict[str, list[str]]:
    """Run writers at the same time; kill some of them after their first messages."""
    context = multiprocessing.get_context(kind)
    started = []
    for writer in range(writers):
        reading, writing = context.Pipe(duplex=False)
        process = context.Process(target=add, args=(writer, files, at_once, writing))  # type: ignore[attr-defined]
        process.start()
        writing.close()
        started.append((process, reading))
    received: dict[str, list[str]] = {"done": [], "begun": []}
    for writer in range(killed):
        process, reading = started[writer]
        # An odd number of messages leaves it in the middle of an upsert.
        for _ in range(2 * writer + 1):
            message, paths = reading.recv()
            received[message] += paths
        process.kill()
    for process, reading in started:
        while True:
            try:
                message, paths = reading.recv()
            except EOFError:
                break
            received[message] += paths
        process.join()
        assert process.exitcode in (0, -9), process.exitcode
    received["begun"] = sorted(set(received["begun"]) - set(received["done"]))
    return received


if __name__ == "__main__":
    kind, store, *numbers = sys.argv[1:]
    os.environ["ARTSTORE_DIR"] = store
    artstore.Store.init(store).close()
    print(json.dumps(race(kind, *map(int, numbers))))
