"""`python -m benchmarks`: what artstore's speed is, beside the plainest thing that does the same work."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import report, shapes, side_by_side, targets
from benchmarks.peers import PEERS
from benchmarks.shapes import Size


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for, print it, and remove the data at the very end."""
    said = _parser().parse_args(arguments)
    size: Size = shapes.FULL if said.full else shapes.TINY if said.tiny else shapes.SMALL
    work = Path(tempfile.mkdtemp(prefix="artstore-bench-", dir=said.dir))
    try:
        PARTS[said.part](work, size, said)
    finally:
        if said.keep:
            print(f"The data is in {work}: remove it when you like.")
        else:
            shutil.rmtree(work)
    return 0


def _targets(work: Path, size: Size, said: argparse.Namespace) -> None:
    rows = []
    for row in targets.measure(work, size, said.only or targets.MEASURED):
        print(report.line(row), flush=True)
        rows.append(row)
    print(targets.conclusion(rows))


def _peers(work: Path, size: Size, said: argparse.Namespace) -> None:
    found, left = side_by_side.install(said.cache or work / "tools", said.only or PEERS)
    for each in left:
        print(report.peer_line(each), flush=True)
    for result in side_by_side.run(work, size, [peer for peer, _ in found.values()]):
        print(report.peer_line(result), flush=True)


PARTS: dict[str, Callable[[Path, Size, argparse.Namespace], None]] = {"targets": _targets, "peers": _peers}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("part", nargs="?", default="targets", choices=PARTS, help="what to measure (default: targets)")
    parser.add_argument("only", nargs="*", help="of that part, only these")
    parser.add_argument("--full", action="store_true", help="the sizes of the goals; needs 45 GB of disk")
    parser.add_argument("--tiny", action="store_true", help="see that it runs; the numbers mean nothing")
    parser.add_argument("--dir", type=Path, help="where to make the data (default: the folder for temporary files)")
    parser.add_argument("--cache", type=Path, help="where to install the other tools, to have them again next time")
    parser.add_argument("--keep", action="store_true", help="leave the data where it is")
    return parser


if __name__ == "__main__":
    sys.exit(main())
