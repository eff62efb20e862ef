"""Going through a folder, and deciding for each thing in it what it will be in the artifact.

Links within the folder stay links; links to files and folders outside are followed, unless they lead back. The store,
if there is one, is left out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from artstore.core import names
from artstore.core.manifest import Entry, Kind
from artstore.errors import InvalidPath, LinkCycle
from artstore.runtime import source_file
from artstore.runtime.source_file import Stat, stat_of


class Found(NamedTuple):
    """A file that a walk came upon: where it is, what it is called in the artifact, and its state."""

    folder: str
    name: str
    path: str
    stat: Stat

    @property
    def source(self) -> str:
        """Where to read it."""
        return os.path.join(self.folder, self.name)


@dataclass
class Walked:
    """One folder's worth of a walk: its files as (name, path in the artifact, status), and what needs no reading."""

    folder: str
    files: list[tuple[str, str, os.stat_result]] = field(default_factory=list)
    followed: list[Found] = field(default_factory=list)
    """Files outside the folder that links in it lead to."""
    others: list[Entry] = field(default_factory=list)


class Walk:
    """Goes through a folder, deciding for each thing in it what it will be in the artifact."""

    def __init__(self, root: Path, store: Path | None) -> None:
        self._root = os.path.realpath(root)
        self._store = None if store is None else os.path.realpath(store)
        status = None if store is None else os.stat(store)
        self._store_node = status and (status.st_dev, status.st_ino)
        check_not_ours(self._root, self._store)

    def run(self, prefix: str) -> Iterator[Walked]:
        """Yield the folders below, each with what is right in it; `prefix` is the root's path in the artifact."""
        waiting: list[tuple[str, str, tuple[str, ...]]] = [(self._root, prefix, (self._root,))]
        while waiting:
            folder, path, above = waiting.pop()
            walked = Walked(folder)
            below: list[tuple[str, str, tuple[str, ...]]] = []
            self._look(walked, path, above, below)
            if path and not (walked.files or walked.followed or walked.others or below):
                walked.others.append(Entry(path, Kind.FOLDER))
            yield walked
            waiting += reversed(below)

    def _look(
        self, walked: Walked, path: str, above: tuple[str, ...], below: list[tuple[str, str, tuple[str, ...]]]
    ) -> None:
        prefix = path + "/" if path else ""
        files = walked.files
        try:
            with os.scandir(walked.folder) as entries:
                listed = list(entries)
        except OSError as error:
            raise source_file.unreadable(walked.folder, error.strerror or str(error)) from error
        for entry in listed:
            name = entry.name
            inside = prefix + name
            if not name.isascii() or ":" in name or "\\" in name:
                inside = names.entry_path(inside)
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError as error:
                raise source_file.unreadable(entry.path, error.strerror or str(error)) from error
            mode = status.st_mode
            if stat.S_ISREG(mode):
                files.append((name, inside, status))
            elif stat.S_ISDIR(mode):
                if (status.st_dev, status.st_ino) != self._store_node:
                    below.append((entry.path, inside, above))
            elif stat.S_ISLNK(mode):
                self._link(walked, entry.path, inside, above, below)
            else:
                raise source_file.unreadable(entry.path, "it is neither a file, a folder nor a link")

    def _link(
        self,
        walked: Walked,
        source: str,
        inside: str,
        above: tuple[str, ...],
        below: list[tuple[str, str, tuple[str, ...]]],
    ) -> None:
        target = os.path.realpath(source)
        if target == self._store:
            return
        check_not_ours(target, self._store, through=source)
        if any(_is_at_or_below(each, target) for each in (*above, walked.folder)):
            raise LinkCycle(f"the link {source!r} leads back to {target!r}: remove it, or add the folders one by one")
        if _is_at_or_below(target, self._root) and above == (self._root,):
            relative = os.path.relpath(target, walked.folder)
            if not names.is_utf8(relative):
                raise InvalidPath(
                    f"the link {source!r} leads to {target!r}, which is not UTF-8: rename what it leads to"
                )
            walked.others.append(Entry(inside, Kind.LINK, target=relative.replace(os.sep, "/")))
            return
        try:
            status = os.stat(target)
        except OSError as error:
            raise source_file.unreadable(source, f"the link leads to {target!r}: {error.strerror}") from error
        if stat.S_ISREG(status.st_mode):
            walked.followed.append(at(os.path.dirname(target), os.path.basename(target), inside))
        elif not stat.S_ISDIR(status.st_mode):
            raise source_file.unreadable(source, "the link leads to neither a file nor a folder")
        else:
            below.append((target, inside, (*above, target)))


def check_not_ours(source: str, store: str | None, *, through: str | None = None) -> None:
    """Raise `SourceUnreadable` for what is the store's own: closing the catalog would drop SQLite's locks on it."""
    if store is not None and _is_at_or_below(source, store):
        raise source_file.unreadable(through or source, f"it is, or lies in, the store {store} itself")


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def at(folder: str, name: str, path: str) -> Found:
    """Look at one file, following links."""
    source = os.path.join(folder, name)
    try:
        return Found(folder, name, path, stat_of(os.stat(source)))
    except OSError as error:
        raise source_file.unreadable(source, error.strerror or str(error)) from error
