"""The files of the objects in a draft: those that only an overwritten object had are taken away with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from artstore.core.draft import Draft
from artstore.core.manifest import Entry, Kind
from artstore.data_types import registry
from artstore.errors import InvalidInput
from artstore.store import Store

_FOLDER = "media/"
"""The folder of files that objects need, also of objects that others need."""
_DOCUMENTS = tuple(f".{log_type}.json" for log_type in registry.LOG_TYPES)
_SEARCHED = 1000
"""A base with more objects is not searched for those that still need a file: all of its files stay."""


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
        before = self._reach([path, *_twin(path)])
        self._needs[path] = self._writing.pop() - {path}
        if self._writing:
            self._writing[-1].add(path)
            return []
        self._added.add(path)
        unneeded = before and before - self._needed()
        return sorted(other for other in unneeded if self._draft.find(other) is not None and self._is_ours(other))

    def _is_ours(self, path: str) -> bool:
        base = self._draft.base
        return path in self._owned or (base is not None and base.find(path) is not None)

    def _needed(self) -> set[str]:
        """Return the files that the objects of the draft need; of a base whose objects are not known, all files."""
        entries = self._draft.base.under("") if self._draft.base else iter(())
        files = [entry.path for entry in entries if entry.kind == Kind.FILE]
        documents = [path for path in files if path.endswith((*_DOCUMENTS, registry.PARQUET_SUFFIX))]
        known = [path for path in documents if path not in self._needs and self._draft.find(path) is not None]
        if len(known) > _SEARCHED or any(path.endswith(registry.PARQUET_SUFFIX) for path in known):
            return set(files) | self._owned
        roots = [path for path in known if not path.startswith(_FOLDER)]
        return self._reach([*roots, *(path for path in self._added if self._draft.find(path) is not None)])

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
