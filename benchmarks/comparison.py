"""Compare tools that do the same work on the same data in one run: time, processor time, memory, disk space."""

from __future__ import annotations

import filecmp
import itertools
import os
import statistics
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks import measurement
from benchmarks.datasets import DATASETS, MANY_SMALL, Dataset, Size
from benchmarks.measurement import CommandFailed, Cost
from benchmarks.peers import PEERS
from benchmarks.peers.peer import Command, NotInstallable, Peer, Place

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
        except NotInstallable as error:
            skipped.append(Skipped("all", peer.name, str(error)))
    return installed, skipped


def run(
    work: Path, size: Size, peers: Iterable[Peer], datasets: Iterable[str] = DATASETS, rounds: int = 1
) -> Iterator[StepResult | Skipped]:
    """Run each step of each tool on each dataset; each result is yielded when it is measured."""
    peers = list(peers)
    for name in datasets:
        dataset = DATASETS[name]
        data = dataset.create(work / name / "tree" / "data", size)
        edits = itertools.count()
        for number in range(rounds):
            for peer in peers:
                if name in peer.skips:
                    yield Skipped(name, peer.name, peer.skips[name])
                    continue
                place = Place(data, work / name / f"{peer.name.split()[0]}-{number}")
                yield from _all_steps(peer, place, dataset, next(edits), size)
                dataset.restore(data, size)
                if dataset is not MANY_SMALL:
                    measurement.remove(place.store)
        if dataset is not MANY_SMALL:
            measurement.remove(work / name)


def _all_steps(peer: Peer, place: Place, dataset: Dataset, edit: int, size: Size) -> Iterator[StepResult | Skipped]:
    """Run all steps of a tool. The data changes meanwhile: the next tool starts with it and changes as much."""
    place.store.mkdir(parents=True)
    rest = min(size.rest, _MOST_REST)
    try:
        prepared = peer.prepare(place)
        if prepared is not None:
            _run_command(prepared, 0)
        time.sleep(size.pause)
        measurement.warm(place.data)
        before = measurement.disk_bytes(*peer.stored_paths(place))
        for number, step in enumerate(("first", "again", "few")):
            if step == "few":
                dataset.edit(place.data, edit)
                time.sleep(size.pause)
                measurement.warm(place.data)
            cost = _run_command(peer.log(place, number), rest)
            after = measurement.disk_bytes(*peer.stored_paths(place))
            yield StepResult(dataset.name, peer.name, step, cost, after - before)
            before = after
        yield from _get(peer, place, dataset, rest)
    except CommandFailed as error:
        yield Skipped(dataset.name, peer.name, str(error))


def _get(peer: Peer, place: Place, dataset: Dataset, rest: float) -> Iterator[StepResult | Skipped]:
    out = place.store / "out"
    peer.before_get(place, out)
    command = peer.get(place, out)
    if command is None:
        yield Skipped(dataset.name, peer.name, "cannot download without a server")
        return
    try:
        cost = _run_command(command, rest)
    finally:
        folder = peer.after_get(place, out)
    if not same_files(place.data, folder):
        raise CommandFailed(f"{peer.name} returned other files than were logged")
    yield StepResult(dataset.name, peer.name, "get", cost, 0)


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
        )
        for key, repeated in rounds.items()
    }
