"""What a side-by-side run asks of each tool, and how a tool is installed without touching the machine's own."""

from __future__ import annotations

import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

_INSTALLING_SECONDS = 900


class NotInstallable(Exception):
    """A tool that is not there and cannot be had from here; says why."""


@dataclass(frozen=True)
class Command:
    """What is run, in which folder, with what added to the environment."""

    arguments: Sequence[str | Path]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where one tool works in one run."""

    data: Path
    """The folder that is logged. It lies in the folder that a tool may take for its working tree."""
    store: Path
    """An empty folder for what the tool keeps."""

    @property
    def tree(self) -> Path:
        """The folder that holds the data."""
        return self.data.parent


class Peer(ABC):
    """A tool that keeps versions of a folder. Each step is a command in a process of its own."""

    name: ClassVar[str]
    remarks: ClassVar[str]
    """How it was run, and what it does not do of what artstore does."""
    as_thorough: ClassVar[bool] = False
    """Whether it waits for the disk and verifies what it reads, as artstore does."""
    skips: ClassVar[Mapping[str, str]] = {}
    """Shapes that it is not run on, each with the reason."""

    @abstractmethod
    def install(self, cache: Path) -> str:
        """Find the tool, or install it below a folder; give its version. Raises `NotInstallable`."""

    def prepare(self, place: Place) -> Command | None:
        """What makes an empty store, if the tool does not make one by itself."""
        return None

    @abstractmethod
    def log(self, place: Place, number: int) -> Command:
        """What makes the data the next version: the one with this number, from 0."""

    def before_get(self, place: Place, out: Path) -> None:
        """Clear the way for `get`."""
        out.parent.mkdir(parents=True, exist_ok=True)

    def get(self, place: Place, out: Path) -> Command | None:
        """What writes the newest version to a new folder, or None if the tool cannot."""
        return None

    def after_get(self, place: Place, out: Path) -> Path:
        """Put things back; give the folder that `get` filled."""
        return out

    def kept(self, place: Place) -> list[Path]:
        """What takes the disk for the tool."""
        return [place.store]


def answer(*arguments: str | Path, env: Mapping[str, str] | None = None) -> str:
    """The first line that a command prints. Raises `NotInstallable` if it fails or is not there."""
    try:
        done = subprocess.run(
            arguments, capture_output=True, text=True, timeout=_INSTALLING_SECONDS, env=env, check=True
        )
    except FileNotFoundError:
        raise NotInstallable(f"{arguments[0]} is not installed") from None
    except subprocess.CalledProcessError as error:
        why = (error.stderr or error.stdout).strip().splitlines()
        raise NotInstallable(f"{Path(arguments[0]).name} failed: {why[-1] if why else error.returncode}") from error
    except subprocess.TimeoutExpired as error:
        raise NotInstallable(f"{Path(arguments[0]).name} took over {error.timeout:.0f} s") from error
    return (done.stdout.strip().splitlines() or [""])[0]


def python_with(package: str, cache: Path, *source: str) -> Path:
    """The Python of an environment that has a package, from PyPI or elsewhere: made once. Raises `NotInstallable`."""
    home = cache / package
    python = home / "bin" / "python"
    if not (home / "installed").exists():
        answer(sys.executable, "-m", "venv", "--clear", home)
        answer(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *(source or [package]))
        (home / "installed").touch()
    return python


def version_of(python: Path, package: str) -> str:
    """The version of a package in an environment."""
    return answer(python, "-c", f"from importlib.metadata import version; print(version({package!r}))")


def debian(packages: Sequence[str], cache: Path) -> Path:
    """A folder with Debian packages unpacked, as if it were `/`. Raises `NotInstallable`."""
    root = cache / f"debian-{packages[0]}"
    if not (root / "installed").exists():
        root.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(["apt-get", "-qq", "download", *packages], cwd=root, capture_output=True, check=True)
            for each in sorted(root.glob("*.deb")):
                subprocess.run(["dpkg-deb", "-x", each, root], capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise NotInstallable(f"no Debian package {packages[0]} to be had: {error}") from error
        (root / "installed").touch()
    return root
