"""Each tool does the same work on the same data in one run: its time, memory, processor and disk."""

from __future__ import annotations

import filecmp
import itertools
import os
import statistics
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks import measuring
from benchmarks.measuring import CommandFailed, Cost
from benchmarks.peers import PEERS
from benchmarks.peers.peer import Command, NotInstallable, Peer, Place
from benchmarks.shapes import MANY_SMALL, SHAPES, Shape, Size

STEPS = {
    "first": "log the first version",
    "again": "log it again unchanged",
    "few": "log it with few changes",
    "get": "get the newest into an empty folder",
}


_LONGEST_REST = 2
"""Seconds before each step."""


class Measured(NamedTuple):
    """What one step of one tool took."""

    shape: str
    peer: str
    step: str
    cost: Cost
    grown_bytes: int
    """What the tool takes on the disk more than before the step."""


class Left(NamedTuple):
    """What was not measured, and why."""

    shape: str
    peer: str
    why: str


def install(cache: Path, only: Iterable[str]) -> tuple[dict[str, tuple[Peer, str]], list[Left]]:
    """The tools that are there or can be installed, each with its version, and those that cannot."""
    found: dict[str, tuple[Peer, str]] = {}
    left = []
    for name in only:
        peer = PEERS[name]()
        try:
            found[name] = peer, peer.install(cache.absolute())
        except NotInstallable as error:
            left.append(Left("all", peer.name, str(error)))
    return found, left


def run(
    work: Path, size: Size, peers: Iterable[Peer], shapes: Iterable[str] = SHAPES, rounds: int = 1
) -> Iterator[Measured | Left]:
    """Let each tool do each step on each shape; results come as they are measured."""
    peers = list(peers)
    for name in shapes:
        shape = SHAPES[name]
        data = shape.make(work / name / "tree" / "data", size)
        edits = itertools.count()
        for number in range(rounds):
            for peer in peers:
                if name in peer.skips:
                    yield Left(name, peer.name, peer.skips[name])
                    continue
                place = Place(data, work / name / f"{peer.name.split()[0]}-{number}")
                yield from _all_steps(peer, place, shape, next(edits), size)
                shape.restore(data, size)
                if shape is not MANY_SMALL:
                    measuring.remove(place.store)
        if shape is not MANY_SMALL:
            measuring.remove(work / name)


def _all_steps(peer: Peer, place: Place, shape: Shape, edit: int, size: Size) -> Iterator[Measured | Left]:
    """The data is changed on the way: the next tool begins with what this one ends with, and changes as much."""
    place.store.mkdir(parents=True)
    rest = min(size.rest, _LONGEST_REST)
    try:
        prepared = peer.prepare(place)
        if prepared is not None:
            _run(prepared, 0)
        time.sleep(size.pause)
        measuring.warm(place.data)
        taken = measuring.disk_bytes(*peer.kept(place))
        for number, step in enumerate(("first", "again", "few")):
            if step == "few":
                shape.edit(place.data, edit)
                time.sleep(size.pause)
                measuring.warm(place.data)
            cost = _run(peer.log(place, number), rest)
            now = measuring.disk_bytes(*peer.kept(place))
            yield Measured(shape.name, peer.name, step, cost, now - taken)
            taken = now
        yield from _get(peer, place, shape, rest)
    except CommandFailed as error:
        yield Left(shape.name, peer.name, str(error))


def _get(peer: Peer, place: Place, shape: Shape, rest: float) -> Iterator[Measured | Left]:
    out = place.store / "out"
    peer.before_get(place, out)
    command = peer.get(place, out)
    if command is None:
        yield Left(shape.name, peer.name, "cannot give anything back without a server")
        return
    try:
        cost = _run(command, rest)
    finally:
        filled = peer.after_get(place, out)
    if not same(place.data, filled):
        raise CommandFailed(f"{peer.name} gave back something else than it was given")
    yield Measured(shape.name, peer.name, "get", cost, 0)


def _run(command: Command, rest: float) -> Cost:
    measuring.quiet(rest)
    return measuring.command(command.arguments, cwd=command.cwd, env=command.env)


def same(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files."""
    names = _files(one)
    filecmp.clear_cache()
    return names == _files(other) and not any(filecmp.cmpfiles(one, other, names, shallow=False)[1:])


def _files(folder: Path) -> list[str]:
    return sorted(os.path.relpath(path, folder) for path in folder.rglob("*") if path.is_file())


class Cell(NamedTuple):
    """The medians of one tool's step over all rounds."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    grown_bytes: int


def cells(results: Iterable[Measured | Left]) -> dict[tuple[str, str, str], Cell]:
    """The medians by shape, tool and step."""
    gathered: dict[tuple[str, str, str], list[Measured]] = {}
    for each in results:
        if isinstance(each, Measured):
            gathered.setdefault((each.shape, each.peer, each.step), []).append(each)
    return {
        key: Cell(
            statistics.median(each.cost.seconds for each in found),
            statistics.median(each.cost.cpu_seconds for each in found),
            round(statistics.median(each.cost.peak_bytes for each in found)),
            round(statistics.median(each.grown_bytes for each in found)),
        )
        for key, found in gathered.items()
    }
