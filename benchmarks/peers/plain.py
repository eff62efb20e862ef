"""`cp -r`: every version a whole copy."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.peer import Command, Peer, Place, answer


class Cp(Peer):
    """What people do without a tool."""

    name = "cp -r"
    remarks = "a whole copy for each version: nothing is verified, shared or synced to the disk"

    def install(self, cache: Path) -> str:
        return answer("cp", "--version").rpartition(" ")[2]

    def log(self, place: Place, number: int) -> Command:
        return Command(["cp", "-r", place.data, place.store / f"v{number}"], place.tree)

    def get(self, place: Place, out: Path) -> Command:
        newest = max(place.store.iterdir(), key=lambda path: int(path.name[1:]))
        return Command(["cp", "-r", newest, out], place.tree)
