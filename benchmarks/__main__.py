"""`python -m benchmarks PART`: what artstore's speed is, beside the plainest thing that does the same work.

The parts: `targets` (the goals P1 to P13), `peers` (other tools on the same data), `growth` (each cost against its
size), `savings` (successive checkpoints and tables), and `results` (all of them, written as a page with charts).
Data is made in a folder of its own and removed at the very end, because files are created several times slower on
some file systems after a mass delete. Leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from benchmarks import growth, machine, report, savings, shapes, side_by_side, targets
from benchmarks.peers import PEERS
from benchmarks.peers.peer import Peer
from benchmarks.savings import Saving
from benchmarks.shapes import Size
from benchmarks.side_by_side import Left, Measured
from benchmarks.targets.row import Row

Result = TypeVar("Result")


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for, print it, and remove the data."""
    said = _parser().parse_args(arguments)
    needed = max(_size(said, part).disk for part in (PARTS if said.part == "results" else [said.part]))
    work = Path(tempfile.mkdtemp(prefix="artstore-bench-", dir=said.dir))
    try:
        free = shutil.disk_usage(work).free
        if free < needed:
            print(f"This needs {needed / 1e9:.0f} GB of disk and there are {free / 1e9:.0f}: say --dir.")
            return 1
        PARTS[said.part](work, said)
    finally:
        if said.keep:
            print(f"The data is in {work}: remove it when you like.")
        else:
            shutil.rmtree(work)
    return 0


def _size(said: argparse.Namespace, part: str) -> Size:
    return shapes.TINY if said.tiny else shapes.FULL if said.full else SIZES.get(part, shapes.SMALL)


def _targets(work: Path, said: argparse.Namespace) -> list[Row]:
    rows = _shown(targets.measure(work, _size(said, "targets"), said.only or targets.MEASURED), report.row_line)
    print(targets.conclusion(rows))
    return rows


def _peers(work: Path, said: argparse.Namespace) -> tuple[dict[str, tuple[Peer, str]], list[Measured | Left]]:
    found, left = side_by_side.install(said.cache or work / "tools", said.only or PEERS)
    peers = [peer for peer, _ in found.values()]
    return found, [
        *_shown(left, report.peer_line),
        *_shown(side_by_side.run(work, _size(said, "peers"), peers, rounds=said.rounds), report.peer_line),
    ]


def _growth(work: Path, said: argparse.Namespace) -> list[growth.Curve]:
    return _shown(growth.measure(work, _size(said, "growth"), said.only or None), report.curve_line)


def _savings(work: Path, said: argparse.Namespace) -> list[Saving]:
    return _shown(savings.measure(work, _size(said, "savings"), said.only or None), report.saving_line)


def _results(work: Path, said: argparse.Namespace) -> None:
    """Everything. Other tools come last: they leave the file system with most to do."""
    how = "python -m benchmarks results" + (" --full" if said.full else "")
    page = said.out / "RESULTS.md"
    results = report.Results(page, how, machine.facts(work))
    everything = argparse.Namespace(**{**vars(said), "only": []})
    report.goals(results, _targets(work / "targets", everything))
    report.saved(results, _savings(work / "savings", everything))
    report.growing(results, _growth(work / "growth", everything))
    found, measured = _peers(work / "peers", said)
    report.tools(results, found, _size(said, "peers"), measured)
    print(f"Written: {page}")


def _shown(results: Iterable[Result], line: Callable[[Result], str]) -> list[Result]:
    """Print results as they come."""

    def each() -> Iterator[Result]:
        for result in results:
            print(line(result), flush=True)
            yield result

    return list(each())


PARTS: dict[str, Callable[[Path, argparse.Namespace], object]] = {
    "targets": _targets,
    "peers": _peers,
    "growth": _growth,
    "savings": _savings,
    "results": _results,
}
SIZES = {"targets": shapes.GOALS, "growth": shapes.FULL}
"""Of the parts for which small sizes would say little."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="?", default="targets", choices=PARTS, help="what to measure (default: targets)")
    parser.add_argument("only", nargs="*", help="of that part, only these; of results, the tools")
    parser.add_argument("--full", action="store_true", help="the large sizes of every part")
    parser.add_argument("--tiny", action="store_true", help="see that it runs; the numbers mean nothing")
    parser.add_argument("--rounds", type=int, default=1, help="how often other tools do everything (default: 1)")
    parser.add_argument("--dir", type=Path, help="where to make the data (default: the folder for temporary files)")
    parser.add_argument("--cache", type=Path, help="where to install other tools, to have them again next time")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write the page and charts")
    parser.add_argument("--keep", action="store_true", help="leave the data where it is")
    return parser


if __name__ == "__main__":
    sys.exit(main())
