"""Drafts: the next version of a collection while entries are added to it, and the checks of its arguments.

A draft is plain data: `ingest` stores the content of its files, and `operations.commit` makes it a version.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Protocol

from artstore.core import names
from artstore.core.changes import Changes
from artstore.core.digests import Algorithm
from artstore.core.file_entries import FileEntries
from artstore.core.manifest import Dependency, Entry, Kind
from artstore.core.versions import Version
from artstore.errors import InvalidInput, InvalidName, NoEntry, NotJson, PathConflict, WrongType, WrongValue

_UNCHANGED: Any = object()
_LONGEST_TTL = timedelta(days=3_650_000)


class BaseVersion(Protocol):
    """The version that a draft starts from, with the queries of its entries that the draft needs."""

    version: Version

    def find(self, path: str) -> Entry | None:
        """Return the entry at a path; None if there is none."""

    def under(self, folder: str) -> Iterator[Entry]:
        """Yield the entries under a folder in path order; all for an empty string."""

    def has_below(self, path: str) -> bool:
        """Whether there are entries under a path."""


def check_ttl(ttl: timedelta | None) -> None:
    """Raise `InvalidInput` if a time to live is not positive, or longer than any calendar."""
    if ttl is not None and ttl > _LONGEST_TTL:
        raise InvalidInput(
            f"a time to live has at most {_LONGEST_TTL.days:,} days: leave it out to keep a version for good"
        )
    if ttl is not None and ttl <= timedelta(0):
        raise InvalidInput(
            f"Artifact TTL Duration has to be positive, not {ttl}: leave it out to keep a version for good"
        )


def check_metadata(metadata: dict[str, Any] | None) -> None:
    """Raise `InvalidInput` if metadata is not a dict, or `NotJson` if JSON cannot represent it."""
    try:
        json.dumps(metadata, allow_nan=False, ensure_ascii=False, sort_keys=True).encode()
    except (TypeError, ValueError) as error:
        raise NotJson(f"metadata must be JSON (text, numbers, lists, dicts; no NaN or infinity): {error}") from error
    if metadata is not None and not isinstance(metadata, dict):
        raise InvalidInput(f"metadata must be a dict, not {type(metadata).__name__}")


def check_description(description: str | None) -> None:
    """Raise `InvalidInput` if a description is not a string that UTF-8 can encode."""
    if not isinstance(description, str | None):
        raise WrongValue(f"a description is a string, not {type(description).__name__}")
    if description is not None and not names.is_utf8(description):
        raise InvalidInput(f"the description is not UTF-8 text: {description!r}")


def check_distributed_id(distributed_id: str) -> None:
    """Raise `InvalidName` if the id of parallel writers is not a string, or empty."""
    if not isinstance(distributed_id, str) or not distributed_id or not names.is_utf8(distributed_id):
        raise InvalidName(
            f"the id of parallel writers must be a string, such as the name of their group, not {distributed_id!r}"
        )


def check_no_base(draft: Draft) -> None:
    """Raise `InvalidInput` for a draft that starts from a version: parallel writers only add."""
    if draft.base is not None:
        raise InvalidInput(
            f"{draft.name} starts from {draft.base.version.name}, but a version of parallel writers has "
            "only what they add: log it with log_artifact, or upsert a new Artifact"
        )


def check_type(name: str, known: str, type: str | None) -> None:
    """Raise `WrongType` if a collection has another type than the one given."""
    if type is not None and known != type:
        raise WrongType(
            f"Artifact {name} already exists with type {known!r}; cannot create another with type {type!r}: "
            "choose another name, or that type"
        )


class Draft:
    """The next version of a collection, not committed yet.

    Nothing in it is visible to others before `Store.commit`. With a `base`, a draft keeps only the `changes` to it.
    """

    def __init__(
        self,
        name: str,
        type: str,
        *,
        project: str = names.DEFAULT_PROJECT,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        ttl: timedelta | None = None,
        base: BaseVersion | None = None,
    ) -> None:
        self.name = names.collection(name)
        self.type = names.artifact_type(type)
        self.project = names.project(project)
        check_description(description)
        self.description = description
        self.metadata = metadata
        check_ttl(ttl)
        self.ttl = ttl
        self.base = base
        self._changes = Changes()
        self._new_files: tuple[FileEntries, Algorithm] | None = None
        """All that was added, in path order, while it is one folder of files and no caller asked for its entries."""
        self.dependencies: set[Dependency] = set()
        self.prefixes: set[str] = set(base.version.prefixes) if base else set()
        """Prefixes at which references were listed, and URIs of references that ask for one version of an object.

        `status` lists the prefixes again to find new objects.
        """

    @property
    def changes(self) -> Changes:
        """The changes to the base: the entries that were added, and None at the paths of entries that were removed."""
        if self._new_files is not None:
            files, algorithm = self._new_files
            changes = Changes()
            changes.adopt({entry.path: entry for entry in files.entries(algorithm)})
            self.changes = changes
        return self._changes

    @changes.setter
    def changes(self, changes: Changes) -> None:
        self._changes, self._new_files = changes, None

    @property
    def has_changes(self) -> bool:
        """Whether entries were added or removed."""
        return self._new_files is not None or bool(self._changes)

    @property
    def new_files(self) -> FileEntries | None:
        """All entries, as columns in path order, if they have these: in a draft of one folder of files."""
        return self._new_files[0] if self._new_files and self.base is None else None

    def find(self, path: str) -> Entry | None:
        """Return the entry at a path, with the changes so far; None if there is none."""
        change: Entry | None = self.changes.get(path, _UNCHANGED)
        if change is _UNCHANGED:
            return self.base.find(path) if self.base else None
        return change

    def under(self, folder: str) -> Iterator[Entry]:
        """Yield the entries under a folder, with the changes so far; all entries for an empty string."""
        if self.base:
            yield from (entry for entry in self.base.under(folder) if entry.path not in self.changes)
        yield from self.changes.added(folder)

    def add(self, entry: Entry, *, overwrite: bool = False) -> Entry:
        """Add an entry at its path. Adding an equal entry again changes nothing.

        Raises `PathConflict` if another entry is there and `overwrite` is not set, or if a file would be where another
        entry needs a folder.
        """
        if entry.kind == Kind.FOLDER and self._has_below(entry.path):
            return entry
        present = self.find(entry.path)
        if present is not None and present != entry and not overwrite and present.kind != Kind.FOLDER:
            raise PathConflict(
                f"Cannot add the same path twice: {entry.path!r} is in {self.name} with other content; "
                "pass overwrite=True to replace it"
            )
        self._make_way(entry)
        self.changes[entry.path] = entry
        return entry

    def add_all(self, entries: Iterable[Entry], *, overwrite: bool = False) -> None:
        """Add many entries, or none of them if one cannot be added or the iterable raises."""
        with self.changes.all_or_nothing():
            for entry in entries:
                self.add(entry, overwrite=overwrite)

    def _make_way(self, entry: Entry) -> None:
        """Check that no file is where the entry needs a folder, and remove empty folders that get an entry."""
        folder = entry.path.rpartition("/")[0]
        above = []
        while folder and not self.changes.has_below(folder):
            above.append(folder)
            folder = folder.rpartition("/")[0]
        for folder in above:
            present = self.find(folder)
            if present is not None and present.kind != Kind.FOLDER:
                raise PathConflict(
                    f"{entry.path!r} cannot be added: {folder!r} is a {present.kind.name.lower()} in {self.name}; "
                    "remove it first"
                )
        if entry.kind != Kind.FOLDER and self._has_below(entry.path):
            raise PathConflict(f"{entry.path!r} cannot be added: it is a folder in {self.name}; remove it first")
        for folder in above:
            if self.find(folder) is not None:
                self._drop(folder)

    def _has_below(self, path: str) -> bool:
        if self.changes.has_below(path):
            return True
        if self.base is None or not self.base.has_below(path):
            return False
        return any(entry.path not in self.changes for entry in self.base.under(path))

    def rebase(self, base: BaseVersion) -> None:
        """Start from another version, with the entries that were added; they replace those of that version.

        Raises `PathConflict` if a file would be where that version has a folder, or the other way round; the draft
        then stays as it was.
        """
        before = self.base, self.changes
        self.base, self.changes = base, Changes()
        try:
            for entry in before[1].added():
                if entry.kind != Kind.FOLDER or not self._has_below(entry.path):
                    self._make_way(entry)
                    self.changes[entry.path] = entry
        except BaseException:
            self.base, self.changes = before
            raise
        self.prefixes |= set(base.version.prefixes)

    def depend_on(self, version: Version) -> None:
        """Make the version depend on another one, which is then not deleted before it."""
        self.dependencies.add(Dependency(version.project, version.collection, version.number, version.digest))

    def remove(self, path: str) -> list[str]:
        """Remove an entry, or all entries under a folder; return the paths removed.

        Raises `NoEntry` if there is neither.
        """
        path = names.entry_path(path)
        gone = [path] if self.find(path) else [entry.path for entry in list(self.under(path))]
        if not gone:
            raise NoEntry(f"no entry {path!r} in {self.name}: list its entries with `artstore ls`")
        for entry in gone:
            self._drop(entry)
        return gone

    def _drop(self, path: str) -> None:
        if self.base and self.base.find(path):
            self.changes[path] = None
        else:
            self.changes.pop(path, None)

    def fill_with_files(self, files: FileEntries, algorithm: Algorithm) -> bool:
        """Take the files of a folder; return False if the draft is not empty or two have the same path."""
        if self.has_changes or self.base or not files.paths or len(set(files.paths)) != files.number:
            return False
        self._new_files = files.in_order(), algorithm
        return True

    def fill_new_folder(self, entries: list[Entry]) -> bool:
        """Take the entries of a folder; return False if the draft is not empty or two have the same path."""
        if self.has_changes or self.base:
            return False
        changes: dict[str, Entry | None] = {entry.path: entry for entry in entries}
        if len(changes) != len(entries):
            return False
        self.changes.adopt(changes)
        return True
