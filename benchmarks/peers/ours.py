"""artstore itself, through its command line."""

from __future__ import annotations

import sys
from pathlib import Path

from artstore import __version__
from benchmarks.peers.peer import Command, Peer, Place


class Artstore(Peer):
    """As a user has it: a new process for each step."""

    name = "artstore"
    remarks = "defaults; durable when the command ends, every byte verified when it is read"

    def install(self, cache: Path) -> str:
        return __version__

    def log(self, place: Place, number: int) -> Command:
        return self._run(place, "put", place.data, "--name", "data", "--type", "dataset")

    def get(self, place: Place, out: Path) -> Command:
        return self._run(place, "get", "data", "--root", out)

    def _run(self, place: Place, *arguments: str | Path) -> Command:
        return Command([sys.executable, "-m", "artstore", *arguments, "--store", place.store / "store"], place.tree)
