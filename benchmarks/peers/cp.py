"""`cp -r`: each version is a full copy."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.peer import Command, Peer, Place, first_line


class Cp(Peer):
    """`cp -r`, the usual way without a tool."""

    name = "cp -r"
    remarks = "a full copy of each version: nothing is verified, shared or synced to the disk"

    def install(self, cache: Path) -> str:
        return first_line("cp", "--version").rpartition(" ")[2]

    def log(self, place: Place, number: int) -> Command:
        return Command(["cp", "-r", place.data, place.store / f"v{number}"], place.tree)

    def get(self, place: Place, out: Path) -> Command:
        newest = max(place.store.iterdir(), key=lambda path: int(path.name[1:]))
        return Command(["cp", "-r", newest, out], place.tree)
