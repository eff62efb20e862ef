"""Compare tools that do the same work on the same data in one run: time, processor time, memory, disk space."""

from __future__ import annotations

import filecmp
import itertools
import os
import statistics
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

from benchmarks import measurement
from benchmarks.datasets import DATASETS, MANY_SMALL, Dataset, Size
from benchmarks.measurement import CommandFailed, Cost
from benchmarks.peers import PEERS
from benchmarks.peers.peer import Command, NotInstallable, Peer, Place

OURS = "artstore"
STEPS = {
    "first": "log the first version",
    "again": "log it again unchanged",
    "few": "log it with few changes",
    "get": "get the newest into an empty folder",
}


_MOST_REST = 2
"""Seconds before each step."""


class StepResult(NamedTuple):
    """The cost of one step of one tool."""

    dataset: str
    peer: str
    step: str
    cost: Cost
    grown_bytes: int
    """The disk space that the step added to the tool's data."""
    beside: Cost | None = None
    """What artstore took for the same step a moment before; None for artstore itself, or if it is not measured."""


class Skipped(NamedTuple):
    """A measurement that was left out, and why."""

    dataset: str
    peer: str
    reason: str


def install(cache: Path, only: Iterable[str]) -> tuple[dict[str, tuple[Peer, str]], list[Skipped]]:
    """Install the tools; return those that are installed, with their versions, and those that cannot be."""
    installed: dict[str, tuple[Peer, str]] = {}
    skipped = []
    for name in only:
        peer = PEERS[name]()
        try:
            installed[name] = peer, peer.install(cache.absolute())
        except (NotInstallable, OSError) as error:
            skipped.append(Skipped("all", peer.name, str(error)))
    return installed, skipped


def run(
    work: Path, size: Size, peers: Iterable[Peer], datasets: Iterable[str] = DATASETS, rounds: int = 1
) -> Iterator[StepResult | Skipped]:
    """Run each step of each tool on each dataset; each result is yielded when it is measured."""
    peers = list(peers)
    # The many files stay to the end, and take the disk space that the large ones have left by then.
    for name in sorted(datasets, key=lambda name: DATASETS[name] is MANY_SMALL):
        dataset = DATASETS[name]
        data = dataset.create(work / name / "tree" / "data", size)
        edits = itertools.count()
        for number in range(rounds):
            for peer in peers:
                if name in peer.skips:
                    yield Skipped(name, peer.name, peer.skips[name])
                    continue
                place = Place(data, work / name / f"{peer.name.split()[0]}-{number}")
                ours = [other for other in peers if other.name == OURS and other is not peer]
                sides = [(other, Place(data, work / name / f"beside-{place.store.name}")) for other in ours]
                yield from _all_steps([*sides, (peer, place)], dataset, next(edits), size)
                dataset.restore(data, size)
                if dataset is not MANY_SMALL:
                    for _, used in [*sides, (peer, place)]:
                        if used.store.exists():
                            measurement.remove(used.store)
        if dataset is not MANY_SMALL:
            measurement.remove(work / name)


Side: TypeAlias = tuple[Peer, Place]


def _all_steps(sides: list[Side], dataset: Dataset, edit: int, size: Size) -> Iterator[StepResult | Skipped]:
    """Run all steps of a tool, each right after the same step of artstore if that is the first of two sides.

    The data changes meanwhile: the next tool starts with it and changes as much.
    """
    rest = min(size.rest, _MOST_REST)
    stored: dict[str, int] = {}
    try:
        for peer, place in sides:
            place.store.mkdir(parents=True)
            prepared = peer.prepare(place)
            if prepared is not None:
                _run_command(prepared, 0)
            stored[peer.name] = measurement.disk_bytes(*peer.stored_paths(place))
        data = sides[0][1].data
        time.sleep(size.pause)
        for number, step in enumerate(("first", "again", "few")):
            if step == "few":
                dataset.edit(data, edit)
                time.sleep(size.pause)
            results: list[StepResult] = []
            for peer, place in sides:
                measurement.warm(data)
                cost = _run_command(peer.log(place, number), rest)
                after = measurement.disk_bytes(*peer.stored_paths(place))
                results.append(StepResult(dataset.name, peer.name, step, cost, after - stored[peer.name]))
                stored[peer.name] = after
            yield _paired(results)
        results = []
        for peer, place in sides:
            got = _get(peer, place, dataset, rest)
            if isinstance(got, Skipped):
                yield got
                return
            results.append(got)
        yield _paired(results)
    except (CommandFailed, OSError) as error:
        yield Skipped(dataset.name, sides[-1][0].name, str(error))


def _paired(results: list[StepResult]) -> StepResult:
    """Return the last of one or two results, with the cost of the other one."""
    return results[-1]._replace(beside=results[0].cost if len(results) > 1 else None)


def _get(peer: Peer, place: Place, dataset: Dataset, rest: float) -> StepResult | Skipped:
    out = place.store / "out"
    peer.before_get(place, out)
    command = peer.get(place, out)
    if command is None:
        return Skipped(dataset.name, peer.name, "cannot download without a server")
    try:
        cost = _run_command(command, rest)
    finally:
        folder = peer.after_get(place, out)
    if not same_files(place.data, folder):
        raise CommandFailed(f"{peer.name} returned other files than were logged")
    return StepResult(dataset.name, peer.name, "get", cost, 0)


def _run_command(command: Command, rest: float) -> Cost:
    measurement.quiet(rest)
    return measurement.run(command.arguments, cwd=command.cwd, env=command.env)


def same_files(one: Path, other: Path) -> bool:
    """Return whether two folders hold the same files."""
    names = _files(one)
    filecmp.clear_cache()
    return names == _files(other) and not any(filecmp.cmpfiles(one, other, names, shallow=False)[1:])


def _files(folder: Path) -> list[str]:
    return sorted(os.path.relpath(path, folder) for path in folder.rglob("*") if path.is_file())


class Medians(NamedTuple):
    """The medians of a step over all rounds."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    grown_bytes: int
    times_ours: float | None
    """The seconds as a multiple of artstore's in the same pair."""


def medians(results: Iterable[StepResult | Skipped]) -> dict[tuple[str, str, str], Medians]:
    """Return the medians by dataset, tool and step."""
    rounds: dict[tuple[str, str, str], list[StepResult]] = {}
    for result in results:
        if isinstance(result, StepResult):
            rounds.setdefault((result.dataset, result.peer, result.step), []).append(result)
    return {
        key: Medians(
            statistics.median(result.cost.seconds for result in repeated),
            statistics.median(result.cost.cpu_seconds for result in repeated),
            round(statistics.median(result.cost.peak_bytes for result in repeated)),
            round(statistics.median(result.grown_bytes for result in repeated)),
            _times_ours(repeated),
        )
        for key, repeated in rounds.items()
    }


def _times_ours(results: Iterable[StepResult]) -> float | None:
    ratios = [result.cost.seconds / result.beside.seconds for result in results if result.beside is not None]
    return statistics.median(ratios) if ratios else None
