"""`python -m benchmarks PART`: measure artstore, compared with the simplest program that does the same work.

The parts are `targets` (the goals P1 to P13), `peers` (other tools on the same data), `growth` (costs at growing
sizes), `savings` (the disk space of successive checkpoints and tables), `pages` (the first paint of each page of
`artstore ui` in Chromium, beside a page that says hello), `million` (a million files beside a tenth of them), and
`results` (all parts but the last two, written as a page with charts). Data is created in a temporary folder and
removed at the very end, because some file systems create files several times slower after a mass delete. Do not use
the machine for other work meanwhile.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from artstore.tracking import location
from benchmarks import comparison, datasets, growth, machine, million_files, pages, report, savings, targets
from benchmarks.comparison import Skipped, StepResult
from benchmarks.datasets import Size
from benchmarks.peers import PEERS
from benchmarks.peers.peer import Peer
from benchmarks.savings import Saving
from benchmarks.targets.row import Row

Result = TypeVar("Result")


def main(arguments: list[str] | None = None) -> int:
    """Measure the selected part, print the results, and remove the data."""
    options = _parser().parse_args(arguments)
    options.failed = []
    needed = max(_size(options, part).disk for part in (PARTS if options.part == "results" else [options.part]))
    work = Path(tempfile.mkdtemp(prefix="artstore-bench-", dir=options.dir))
    # A store that happens to be above is none of ours, for the tools that are started either.
    before = os.environ.get(location.CEILING)
    os.environ[location.CEILING] = str(work.resolve())
    try:
        free = shutil.disk_usage(work).free
        if free < needed:
            print(f"This needs {needed / 1e9:.0f} GB of disk space, {free / 1e9:.0f} are free: choose another --dir.")
            return 1
        PARTS[options.part](work, options)
        if options.failed:
            print("Not measured, see above: " + ", ".join(options.failed))
    finally:
        if before is None:
            del os.environ[location.CEILING]
        else:
            os.environ[location.CEILING] = before
        if options.keep:
            print(f"The data is in {work}: remove it when you are done.")
        else:
            shutil.rmtree(work)
    return 1 if options.failed else 0


def _size(options: argparse.Namespace, part: str) -> Size:
    return datasets.TINY if options.tiny else datasets.FULL if options.full else SIZES.get(part, datasets.SMALL)


def _targets(work: Path, options: argparse.Namespace) -> list[Row]:
    measure = partial(targets.measure, work, _size(options, "targets"))
    rows = _print_each(_in_groups(measure, options.only or targets.MEASURED, options), report.row_line)
    print(targets.conclusion(rows))
    return rows


def _peers(work: Path, options: argparse.Namespace) -> tuple[dict[str, tuple[Peer, str]], list[StepResult | Skipped]]:
    installed, skipped = comparison.install(options.cache or work / "tools", options.only or PEERS)
    peers = [peer for peer, _ in installed.values()]
    return installed, [
        *_print_each(skipped, report.peer_line),
        *_print_each(comparison.run(work, _size(options, "peers"), peers, rounds=options.rounds), report.peer_line),
    ]


def _growth(work: Path, options: argparse.Namespace) -> list[growth.Curve]:
    measure = partial(growth.measure, work, _size(options, "growth"))
    return _print_each(_in_groups(measure, options.only or growth.GROUPS, options), report.curve_line)


def _savings(work: Path, options: argparse.Namespace) -> list[Saving]:
    measure = partial(savings.measure, work, _size(options, "savings"))
    return _print_each(_in_groups(measure, options.only or savings.MEASURED, options), report.saving_line)


def _pages(work: Path, options: argparse.Namespace) -> list[pages.Painted]:
    return _print_each(pages.measure(work, _size(options, "pages"), options.only or None), report.page_line)


def _million(work: Path, options: argparse.Namespace) -> list[million_files.Growth]:
    measure = partial(million_files.measure, work, _size(options, "million"))
    return _print_each(_in_groups(measure, options.only or million_files.LAYOUTS, options), report.million_line)


def _results(work: Path, options: argparse.Namespace) -> None:
    """Run all parts. Other tools run last: they leave the most work to the file system."""
    command = "python -m benchmarks results" + (" --full" if options.full else "")
    page = options.out / "RESULTS.md"
    results = report.Results(page, command, machine.facts(work))
    everything = argparse.Namespace(**{**vars(options), "only": []})
    report.add_goals(results, _targets(work / "targets", everything))
    if saved := _savings(work / "savings", everything):
        report.add_savings(results, saved)
    if curves := _growth(work / "growth", everything):
        report.add_growth(results, curves)
    installed, measured = _peers(work / "peers", options)
    report.add_tools(results, installed, _size(options, "peers"), measured)
    print(f"Written: {page}")


def _in_groups(
    measure: Callable[[list[str]], Iterator[Result]], groups: Iterable[str], options: argparse.Namespace
) -> Iterator[Result]:
    """Measure group by group. One that fails is told and noted, and ends none of the others, which may take an hour."""
    for group in groups:
        try:
            yield from measure([group])
        except Exception:
            traceback.print_exc()
            options.failed.append(group)


def _print_each(results: Iterable[Result], line: Callable[[Result], str]) -> list[Result]:
    """Print and return results; each is printed as soon as it is there."""

    def printed() -> Iterator[Result]:
        for result in results:
            print(line(result), flush=True)
            yield result

    return list(printed())


PARTS: dict[str, Callable[[Path, argparse.Namespace], object]] = {
    "targets": _targets,
    "peers": _peers,
    "growth": _growth,
    "savings": _savings,
    "pages": _pages,
    "million": _million,
    "results": _results,
}
SIZES = {"targets": datasets.GOALS, "growth": datasets.FULL, "million": datasets.MILLION}
"""The sizes of parts whose results mean little at small sizes."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="?", default="targets", choices=PARTS, help="what to measure (default: targets)")
    parser.add_argument("only", nargs="*", help="only these items of the part; of results, only these tools")
    parser.add_argument("--full", action="store_true", help="use the large sizes of every part")
    parser.add_argument("--tiny", action="store_true", help="only check that everything runs; the numbers mean nothing")
    parser.add_argument("--rounds", type=int, default=1, help="how often other tools repeat everything (default: 1)")
    parser.add_argument("--dir", type=Path, help="where to create the data (default: the folder for temporary files)")
    parser.add_argument("--cache", type=Path, help="where to install other tools, to reuse them next time")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write the page of results")
    parser.add_argument("--keep", action="store_true", help="do not remove the data")
    return parser


if __name__ == "__main__":
    sys.exit(main())
