"""artstore itself, through its command line."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.peer import Command, Peer, Place, first_line, python_with

_SOURCE = Path(__file__).parents[2]


class Artstore(Peer):
    """artstore in its own environment, with a new process for each step."""

    name = "artstore"
    remarks = "defaults; durable when the command ends, every byte verified when it is read"

    def __init__(self) -> None:
        self._python = Path()

    def install(self, cache: Path) -> str:
        self._python = self.environment(cache)
        return first_line(self._python, "-c", "import artstore; print(artstore.__version__)")

    def environment(self, cache: Path) -> Path:
        """Return the Python of an environment with only artstore's dependencies: sqlite-utils would import pandas."""
        return python_with("artstore", cache, "--editable", str(_SOURCE))

    def log(self, place: Place, number: int) -> Command:
        return self._run(place, "put", place.data, "--name", "data", "--type", "dataset")

    def get(self, place: Place, out: Path) -> Command:
        return self._run(place, "get", "data", "--root", out)

    def _run(self, place: Place, *arguments: str | Path) -> Command:
        return Command([self._python, "-m", "artstore", *arguments, "--store", place.store / "store"], place.tree)
