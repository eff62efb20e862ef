"""borg and restic: backup programs that cut files by content, as artstore does."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from benchmarks.peers.peer import Command, NotInstallable, Peer, Place, debian_root, first_line

_BORG = ("borgbackup", "python3-msgpack", "python3-packaging", "python3-pkg-resources")


class Borg(Peer):
    """borg, without encryption."""

    name = "borg"
    as_thorough = True
    remarks = "`borg create` without encryption, otherwise defaults (lz4); durable and verified"

    def __init__(self) -> None:
        self._program: list[str | Path] = ["borg"]
        self._env: dict[str, str] = {}

    def install(self, cache: Path) -> str:
        if shutil.which("borg") is None:
            # Debian's package is built for Debian's own Python.
            packages = debian_root(_BORG, cache) / "usr" / "lib" / "python3" / "dist-packages"
            self._program = ["/usr/bin/python3", "-m", "borg.archiver"]
            self._env = {"PYTHONPATH": str(packages)}
        return first_line(*self._program, "--version", env={**os.environ, **self._env}).rpartition(" ")[2]

    def prepare(self, place: Place) -> Command:
        return self._run(place, place.tree, "init", "--encryption", "none", place.store / "repository")

    def log(self, place: Place, number: int) -> Command:
        return self._run(place, place.tree, "create", f"{place.store / 'repository'}::v{number}", "data")

    def before_get(self, place: Place, out: Path) -> None:
        out.mkdir()

    def get(self, place: Place, out: Path) -> Command:
        return self._run(place, out, "extract", f"{place.store / 'repository'}::v2")

    def after_get(self, place: Place, out: Path) -> Path:
        return out / "data"

    def _run(self, place: Place, cwd: Path, *arguments: str | Path) -> Command:
        env = {
            **self._env,
            "BORG_BASE_DIR": str(place.store / "home"),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        }
        return Command([*self._program, *arguments], cwd, env)


class Restic(Peer):
    """restic, which always encrypts."""

    name = "restic"
    as_thorough = True
    remarks = "`restic backup` and `restore`, defaults: it always encrypts; durable and verified"

    def __init__(self) -> None:
        self._program: str | Path = "restic"

    def install(self, cache: Path) -> str:
        if shutil.which("restic") is None:
            self._program = debian_root(["restic"], cache) / "usr" / "bin" / "restic"
        words = first_line(self._program, "version").split()
        if len(words) < 2:
            raise NotInstallable("restic does not report its version")
        return words[1]

    def prepare(self, place: Place) -> Command:
        return self._run(place, "init")

    def log(self, place: Place, number: int) -> Command:
        return self._run(place, "backup", "data")

    def get(self, place: Place, out: Path) -> Command:
        return self._run(place, "restore", "latest", "--target", out)

    def after_get(self, place: Place, out: Path) -> Path:
        return out / "data"

    def _run(self, place: Place, *arguments: str | Path) -> Command:
        repository = f"--repo={place.store / 'repository'}"
        cache = f"--cache-dir={place.store / 'cache'}"
        return Command(
            [self._program, "--quiet", repository, cache, *arguments], place.tree, {"RESTIC_PASSWORD": "bench"}
        )
