"""git and dvc, which store versions of a working tree."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from benchmarks.peers.peer import Command, Peer, Place, first_line, python_with, version_of


class Git(Peer):
    """git: its index and objects."""

    name = "git"
    remarks = (
        "`git add` and `git commit`, gc off; compresses everything; unchanged files are detected by their times only, "
        "which is the anchor for logging again; loose objects are not synced to the disk"
    )
    skips: ClassVar[Mapping[str, str]] = {"one_large": "it takes many minutes to compress one file of gigabytes"}

    def install(self, cache: Path) -> str:
        return first_line("git", "--version").rpartition(" ")[2]

    def prepare(self, place: Place) -> Command:
        return self._run(place, "init", "-q")

    def log(self, place: Place, number: int) -> Command:
        add, commit = (
            shlex.join(["git", *self._options(place), *rest])
            for rest in (("add", "data"), ("commit", "-q", "--allow-empty", "-m", "next"))
        )
        return Command(["sh", "-c", f"{add} && {commit}"], place.tree)

    def get(self, place: Place, out: Path) -> Command:
        return self._run(place, "checkout-index", "-a", f"--prefix={out}/")

    def after_get(self, place: Place, out: Path) -> Path:
        return out / "data"

    def _options(self, place: Place) -> list[str]:
        settings = ("user.name=bench", "user.email=bench@example.com", "gc.auto=0")
        return [
            *(f"--git-dir={place.store / 'git'}", f"--work-tree={place.tree}"),
            *(part for setting in settings for part in ("-c", setting)),
        ]

    def _run(self, place: Place, *arguments: str) -> Command:
        return Command(["git", *self._options(place), *arguments], place.tree)


class Dvc(Peer):
    """dvc without Git: only its cache matters here."""

    name = "dvc"
    remarks = (
        "`dvc add` and `dvc checkout` without Git, defaults (files are copied if the file system has no reflinks): one "
        "file per content; checkouts are not verified; no fsync"
    )

    def __init__(self) -> None:
        self._python = Path()

    def install(self, cache: Path) -> str:
        self._python = python_with("dvc", cache)
        return version_of(self._python, "dvc")

    def prepare(self, place: Place) -> Command:
        return self._run(place, "init", "--no-scm", "--quiet")

    def log(self, place: Place, number: int) -> Command:
        return self._run(place, "add", "--quiet", "data")

    def before_get(self, place: Place, out: Path) -> None:
        place.data.rename(place.tree / "aside")

    def get(self, place: Place, out: Path) -> Command:
        return self._run(place, "checkout", "--quiet", "data.dvc")

    def after_get(self, place: Place, out: Path) -> Path:
        # It is not there if the checkout failed.
        if place.data.exists():
            place.data.rename(out)
        (place.tree / "aside").rename(place.data)
        # The next tool that uses this tree starts without these files.
        (place.tree / ".dvc").rename(place.store / "dvc")
        os.replace(place.tree / "data.dvc", place.store / "data.dvc")
        return out

    def stored_paths(self, place: Place) -> list[Path]:
        return [place.store, place.tree / ".dvc", place.tree / "data.dvc"]

    def _run(self, place: Place, *arguments: str) -> Command:
        env = {
            "PYTHONPATH": "",
            "HOME": str(place.store),
            "DVC_NO_ANALYTICS": "1",
            "DO_NOT_TRACK": "1",
            "DVC_SITE_CACHE_DIR": str(place.store / "site"),
        }
        return Command([self._python, "-m", "dvc", *arguments], place.tree, env)
