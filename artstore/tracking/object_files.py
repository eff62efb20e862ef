"""The files of the objects in a draft: those that only an overwritten object had are taken away with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from artstore.core.draft import Draft
from artstore.core.manifest import Entry, Kind
from artstore.data_types import parquet, registry
from artstore.errors import InvalidInput, MissingLibrary
from artstore.runtime import scratch
from artstore.store import Store

_FOLDER = "media/"
"""The folder of files that objects need, also of objects that others need."""
_DOCUMENTS = (*(f".{log_type}.json" for log_type in registry.LOG_TYPES), registry.PARQUET_SUFFIX)


class ObjectFiles:
    """The files that each object of a draft needs, by the path of its document."""

    def __init__(self, store: Store, draft: Draft) -> None:
        self._store = store
        self._draft = draft
        self._needs: dict[str, set[str]] = {}
        """The files and documents that each document names, as far as they were written to this draft."""
        self._added: set[str] = set()
        """Documents that were added by themselves, and not only because another object needs them."""
        self._writing: list[set[str]] = []
        """What the objects need that are being written, each one needed by the one before it."""
        self._owned: set[str] = set()
        """Files that were not there before an object wrote them. The others are the user's."""
        self._read: dict[str, set[str]] = {}
        """What the documents of the base name, as far as they were read."""
        self._users: dict[str, set[str]] | None = None
        """The documents of the base and of the draft that named each file when they were read or written."""

    def begin(self) -> None:
        """Begin to write an object."""
        self._writing.append(set())

    def note(self, path: str) -> None:
        """Note that the object that is being written needs a file, which it is about to write."""
        if self._writing:
            self._writing[-1].add(path)
        if self._draft.find(path) is None:
            self._owned.add(path)

    def fail(self) -> None:
        """Forget the object that was being written."""
        self._writing.pop()

    def end(self, path: str) -> list[str]:
        """Note that the object is written, with its document at a path.

        Return the files that no object needs any more, if another one was there before.
        """
        try:
            before = self._reach([path, *_twin(path)])
            users = self._all_users() if before else self._users
        except MissingLibrary:
            # Without pyarrow it is not known what tables in Parquet need: nothing is taken away.
            before, users = set(), None
        self._needs[path] = self._writing.pop() - {path}
        if users is not None:
            for needed in self._needs[path]:
                users.setdefault(needed, set()).add(path)
        if self._writing:
            self._writing[-1].add(path)
            return []
        self._added.add(path)
        return sorted(other for other in before if self._is_ours(other) and not self._is_needed(other, set()))

    def _is_ours(self, path: str) -> bool:
        base = self._draft.base
        has_it = path in self._owned or (base is not None and base.find(path) is not None)
        return has_it and self._draft.find(path) is not None

    def _is_needed(self, path: str, seen: set[str]) -> bool:
        """Return whether an object of the draft needs a file, itself or through objects that were not seen yet."""
        for document in self._all_users().get(path, set()) - seen:
            seen.add(document)
            if path in self._needs_of(document) and self._draft.find(document) is not None:
                is_root = document in self._added if document in self._needs else not document.startswith(_FOLDER)
                if is_root or self._is_needed(document, seen):
                    return True
        return False

    def _all_users(self) -> dict[str, set[str]]:
        if self._users is None:
            users: dict[str, set[str]] = {}
            entries = self._draft.base.under("") if self._draft.base else ()
            named = [entry.path for entry in entries if entry.kind == Kind.FILE and entry.path.endswith(_DOCUMENTS)]
            for document in (*named, *self._needs):
                for path in self._needs_of(document):
                    users.setdefault(path, set()).add(document)
            self._users = users
        return self._users

    def _reach(self, documents: Iterable[str]) -> set[str]:
        """Return everything that documents need, and what that needs."""
        found: set[str] = set()
        waiting = list(documents)
        while waiting:
            needs = self._needs_of(waiting.pop()) - found
            found |= needs
            waiting += needs
        return found

    def _needs_of(self, path: str) -> set[str]:
        if path in self._needs:
            return self._needs[path]
        if path not in self._read:
            base = self._draft.base
            entry = base.find(path) if base is not None and path.endswith(_DOCUMENTS) else None
            self._read[path] = set() if entry is None else self._named_in(entry)
        return self._read[path]

    def _named_in(self, entry: Entry) -> set[str]:
        try:
            if entry.path.endswith(registry.PARQUET_SUFFIX):
                with scratch.temporary_folder() as folder:
                    file = folder / "table.parquet"
                    with file.open("wb") as opened:
                        opened.writelines(self._store.read(entry))
                    return {path for value in parquet.json_in(file) for path in _paths(value)}
            return set(_paths(json.loads(b"".join(self._store.read(entry)))))
        except (ValueError, RecursionError, InvalidInput):
            # A file or link that only looks like a document names no others.
            return set()


def _twin(path: str) -> Iterator[str]:
    """Yield the path of the same table in the other format."""
    for mine, other in ((".table.json", registry.PARQUET_SUFFIX), (registry.PARQUET_SUFFIX, ".table.json")):
        if path.endswith(mine):
            yield path.removesuffix(mine) + other


def _paths(value: Any) -> Iterator[str]:
    """Yield the paths that a document names, in it and in the documents of its cells."""
    if isinstance(value, list):
        for item in value:
            yield from _paths(item)
    elif isinstance(value, dict):
        for item in value.values():
            if isinstance(item, str) and "_type" in value and item.startswith(_FOLDER):
                yield item
            yield from _paths(item)
