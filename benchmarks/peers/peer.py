"""The interface of a tool in the comparison, and how tools are installed without changing the machine's own."""

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
    """A tool that is not installed and cannot be installed; the message says why."""


@dataclass(frozen=True)
class Command:
    """A command to run, its working folder, and additions to its environment."""

    arguments: Sequence[str | Path]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """The folders of one tool in one run."""

    data: Path
    """The folder to log. Its parent is the working tree of tools that need one."""
    store: Path
    """An empty folder for the data of the tool."""

    @property
    def tree(self) -> Path:
        """The folder that holds the data."""
        return self.data.parent


class Peer(ABC):
    """A tool that stores versions of a folder. Each step is a command in a new process."""

    name: ClassVar[str]
    remarks: ClassVar[str]
    """How it was run, and what it lacks compared with artstore."""
    as_thorough: ClassVar[bool] = False
    """Whether it waits for the disk and verifies what it reads, as artstore does."""
    skips: ClassVar[Mapping[str, str]] = {}
    """Datasets that it is not run on, each with the reason."""

    @abstractmethod
    def install(self, cache: Path) -> str:
        """Find the tool, or install it below a folder; return its version. Raises `NotInstallable`."""

    def prepare(self, place: Place) -> Command | None:
        """Return the command that creates an empty store, if the tool needs one."""
        return None

    @abstractmethod
    def log(self, place: Place, number: int) -> Command:
        """Return the command that logs the data as the version with this number, starting at 0."""

    def before_get(self, place: Place, out: Path) -> None:
        """Prepare for `get`."""
        out.parent.mkdir(parents=True, exist_ok=True)

    def get(self, place: Place, out: Path) -> Command | None:
        """Return the command that writes the newest version to a new folder; None if the tool cannot."""
        return None

    def after_get(self, place: Place, out: Path) -> Path:
        """Undo `before_get`; return the folder that `get` filled."""
        return out

    def stored_paths(self, place: Place) -> list[Path]:
        """Return the paths that hold the data of the tool."""
        return [place.store]


def first_line(*arguments: str | Path, env: Mapping[str, str] | None = None) -> str:
    """Return the first line that a command prints. Raises `NotInstallable` if it fails or does not exist."""
    try:
        completed = subprocess.run(
            arguments, capture_output=True, text=True, timeout=_INSTALLING_SECONDS, env=env, check=True
        )
    except FileNotFoundError:
        raise NotInstallable(f"{arguments[0]} is not installed") from None
    except subprocess.CalledProcessError as error:
        output = (error.stderr or error.stdout).strip().splitlines()
        raise NotInstallable(
            f"{Path(arguments[0]).name} failed: {output[-1] if output else error.returncode}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise NotInstallable(f"{Path(arguments[0]).name} took over {error.timeout:.0f} s") from error
    return (completed.stdout.strip().splitlines() or [""])[0]


def python_with(package: str, cache: Path, *source: str) -> Path:
    """Return the Python of an environment with a package, which is created once. Raises `NotInstallable`."""
    home = cache / package
    python = home / "bin" / "python"
    if not (home / "installed").exists():
        first_line(sys.executable, "-m", "venv", "--clear", home)
        first_line(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *(source or [package]))
        (home / "installed").touch()
    return python


def version_of(python: Path, package: str) -> str:
    """Return the version of a package in an environment."""
    return first_line(python, "-c", f"from importlib.metadata import version; print(version({package!r}))")


def debian_root(packages: Sequence[str], cache: Path) -> Path:
    """Unpack Debian packages into a folder, as if it were `/`, and return it. Raises `NotInstallable`."""
    root = cache / f"debian-{packages[0]}"
    if not (root / "installed").exists():
        root.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(["apt-get", "-qq", "download", *packages], cwd=root, capture_output=True, check=True)
            for package in sorted(root.glob("*.deb")):
                subprocess.run(["dpkg-deb", "-x", package, root], capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise NotInstallable(f"the Debian package {packages[0]} cannot be downloaded: {error}") from error
        (root / "installed").touch()
    return root
