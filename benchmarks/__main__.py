"""`python -m benchmarks [--full]`: time each piece of work beside its anchor, in one run, and print the ratios.

Nothing is deleted between timed runs, because creating files after a mass delete is several times slower on some file
systems. What is measured on is read once before each run, so that both sides find it in memory.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from artstore import Entry, Kind, Store, Version, public_lineage
from benchmarks import shapes

Row = tuple[str, str, str, str]


def timed(work: Callable[[], object]) -> float:
    """Seconds that a piece of work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def warm(folder: Path) -> None:
    """Read a folder, so that its content is in memory."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                while file.read(2**23):
                    pass


def copy(source: Path, target: Path, *, durable: bool = False) -> None:
    """`cp -r`, and `fsync` of each file where that is asked for."""
    subprocess.run(["cp", "-r", source, target], check=True)
    for path in target.rglob("*") if durable else ():
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def scan(folder: Path) -> None:
    """A bare scandir and stat of a folder and those in it."""
    with os.scandir(folder) as found:
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                scan(Path(entry.path))
            else:
                entry.stat(follow_symlinks=False)


def log(store: Store, name: str, folder: Path) -> Version:
    """Put a folder as the next version of a collection."""
    draft = store.draft(name, "dataset")
    store.add_dir(draft, folder)
    return store.commit(draft)


def row(number: str, what: str, ours: float, anchor: float, goal: float) -> Row:
    """One line of the table."""
    ratio = ours / anchor
    return number, what, f"{ratio:.2f} (goal {goal:g}; {ours:.2f} s beside {anchor:.2f} s)", _held(ratio <= goal)


def _held(held: bool) -> str:
    return "held" if held else "not held"


def small_files(work: Path, size: shapes.Size) -> list[Row]:
    """P1, P2, P3, P6, P7 and P12."""
    source = shapes.many_small(work / "small", size)
    tenth = shapes.edited_small(source, work / "small-tenth", 0.1)
    few = shapes.edited_small(source, work / "small-few", 10 / size.small_files)
    time.sleep(1)
    with Store.init(work / "small-store") as store:
        warm(source)
        copied = timed(lambda: copy(source, work / "small-copy"))
        warm(source)
        rows = [row("P1", "log small files", timed(lambda: log(store, "small", source)), copied, 0.8)]
        scanned = min(timed(lambda: scan(source)) for _ in range(3))
        again = min(timed(lambda: log(store, "small", source)) for _ in range(3))
        rows.append(row("P2", "log them again unchanged", again, scanned, 4))
        log(store, "few", source)
        log(store, "few", few)
        before = store.usage().catalog_bytes
        changed = timed(lambda: log(store, "few", few))
        rows.append(row("P3", "log them with about 10 changed, again", changed, again, 1.2))
        rows.append(("P3", "growth of the catalog", f"{(store.usage().catalog_bytes - before) / 1e3:.0f} kB", ""))
        rows.append(row("P6", "get small files", timed(lambda: store.get("small", work / "small-out")), copied, 0.9))
        time.sleep(1)
        there = min(timed(lambda: store.get("small", work / "small-out")) for _ in range(2))
        rows.append(row("P7", "get them where they are", there, scanned, 4))
    with Store.init(work / "tenth-store") as store:
        log(store, "small", source)
        logged = timed(lambda: log(store, "small", tenth))
        deleted = timed(lambda: store.delete("small:v0"))
        rows.append(row("P12", "delete a version owning a random tenth", deleted, logged, 1))
        rows.append(("P12", "du, gc", f"{timed(store.usage) * 1e3:.1f} ms, {timed(store.gc) * 1e3:.1f} ms", ""))
    return rows


def large_file(work: Path, size: shapes.Size) -> list[Row]:
    """P4, P5 and P6."""
    source = shapes.one_large(work / "large", size)
    with Store.init(work / "large-store") as store:
        warm(source)
        copied = timed(lambda: copy(source, work / "large-copy", durable=True))
        warm(source)
        rows = [row("P4", "log one large file", timed(lambda: log(store, "large", source)), copied, 1.25)]
        warm(source)
        plain = timed(lambda: copy(source, work / "large-copy-2"))
        warm(work / "large-store" / "packs")
        rows.append(row("P6", "get one large file", timed(lambda: store.get("large", work / "large-out")), plain, 1.25))
        before = store.usage()
        log(store, "large", shapes.edited_large(source, work / "large-edited"))
        after = store.usage()
    grown = (after.allocated_bytes - before.allocated_bytes + after.catalog_bytes - before.catalog_bytes) / 2**20
    rows.append(("P5", "1 MiB inserted in the middle", f"{grown:.2f} MiB (goal 1.5)", _held(grown <= 1.5)))
    return rows


def many_entries(work: Path, size: shapes.Size) -> list[Row]:
    """P9, and of P10 the name."""
    contents = work / "contents"
    contents.mkdir()
    for i in range(600):
        (contents / str(i)).write_text(f"content {i}")
    draw = random.Random(5)
    with Store.init(work / "entries-store") as store:
        log(store, "contents", contents)
        known = [(entry.digest, entry.size) for entry in store.entries("contents")]

        def entry(i: int) -> Entry:
            digest, length = draw.choice(known)
            return Entry(f"dir{i // 1000:04d}/file_{i:07d}.bin", Kind.FILE, digest, length)

        draft = store.draft("entries", "dataset")
        draft.fill_new_folder([entry(i) for i in range(size.entries)])
        store.add_dir(draft, contents, "contents")
        made = timed(lambda: store.commit(draft))
        commits = []
        for _ in range(50):
            draft = store.draft("entries", base="entries:latest")
            for i in draw.sample(range(size.entries), 10):
                draft.add(entry(i), overwrite=True)
            commits.append(timed(partial(store.commit, draft)) * 1e3)
        commit = sorted(commits)[25]
        listed = min(timed(lambda: sum(1 for _ in store.entries("entries:v0"))) for _ in range(2))
        compared = min(timed(lambda: store.diff("entries:v0", "entries:v50")) for _ in range(3)) * 1e3
        resolved = min(timed(lambda: store.version("entries:v30")) for _ in range(9)) * 1e3
    return [
        ("P9", f"make a version of {size.entries:,} entries", f"{made:.2f} s", ""),
        ("P9", "commit 10 changes to it", f"{commit:.1f} ms (goal 30)", _held(commit <= 30)),
        ("P9", "list it", f"{listed:.2f} s (goal 1)", _held(listed <= 1)),
        ("P9", "diff about 500 changes", f"{compared:.0f} ms (goal 100)", _held(compared <= 100)),
        ("P10", "resolve a name", f"{resolved:.2f} ms (goal 1)", _held(resolved <= 1)),
    ]


def many_runs(work: Path) -> list[Row]:
    """P10: lineage in a graph of 10,000 runs, around a version in its middle and around one that 1,000 runs used."""
    rows = []
    with Store.init(work / "runs-store") as store:
        shapes.many_runs(store, 10_000)
        for name in ("data:v5000", "data:v0"):
            near = partial(public_lineage.of_version, store, store.version(name), depth=2)
            took = min(timed(near) for _ in range(5)) * 1e3
            what = f"lineage 2 hops around {name}, {len(near().nodes):,} nodes"
            rows.append(("P10", what, f"{took:.1f} ms (goal 100)", _held(took <= 100)))
    return rows


def writers(work: Path) -> list[Row]:
    """P13: eight processes, each committing 50 versions to one collection of one new store."""
    command = [sys.executable, "-m", "benchmarks.writer", str(work / "writers-store")]
    running = [subprocess.Popen([*command, str(i)], stdout=subprocess.PIPE, text=True) for i in range(8)]
    waits = [float(process.communicate()[0]) for process in running]
    with Store.open(work / "writers-store") as store:
        count = sum(1 for _ in store.versions("shared"))
    said = f"{max(waits):.2f} s (goal 1), {count} versions of 400"
    return [("P13", "longest wait of 8 tight writers", said, _held(max(waits) <= 1 and count == 400))]


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="the sizes of the goals; half an hour and 60 GB of disk")
    parser.add_argument("--dir", type=Path, default=None, help="where to work; default: a new temporary folder")
    arguments = parser.parse_args()
    size = shapes.FULL if arguments.full else shapes.SMALL
    work = Path(tempfile.mkdtemp(prefix="artstore-bench-", dir=arguments.dir))
    for rows in (
        partial(small_files, work, size),
        partial(large_file, work, size),
        partial(many_entries, work, size),
        partial(many_runs, work),
        partial(writers, work),
    ):
        for number, what, measured, held in rows():
            print(f"{number:4} {what:42} {measured:58} {held}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process: {peak:.0f} MiB. The data is in {work}: remove it when you like.")


if __name__ == "__main__":
    main()
