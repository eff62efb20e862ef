"""The open drafts of a store: begun, and neither committed nor dropped yet.

Each has a writer, made when content is first added. A draft that the program forgets is dropped by the next call.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from typing import Any

from artstore.catalog import collections, manifests, versions
from artstore.catalog.repository import Repository
from artstore.checkout import reader
from artstore.core import names
from artstore.core.draft import Draft, check_type
from artstore.core.manifest import Entry
from artstore.core.versions import Version
from artstore.errors import InvalidInput, NotFound, StoreError
from artstore.ingest.content_writer import ContentWriter
from artstore.ingest.open_draft import OpenDraft, SeenFolders
from artstore.operations.reclaim_space import reclaim_space
from artstore.runtime import forking

_existing: weakref.WeakSet[OpenDrafts] = weakref.WeakSet()


def _renew_locks_in_child() -> None:
    # Another thread of the parent may have held one.
    for drafts in list(_existing):
        drafts._lock = threading.RLock()


forking.register(after_in_child=_renew_locks_in_child)


class _BaseEntries:
    """The entries of the version that a draft starts from."""

    def __init__(self, repository: Repository, version: Version) -> None:
        self._repository = repository
        self.version = version

    def find(self, path: str) -> Entry | None:
        with self._repository.db.reading() as connection:
            return manifests.find(connection, self.version.id, path)

    def under(self, folder: str) -> Iterator[Entry]:
        return reader.entries(self._repository, self.version, folder)

    def has_below(self, path: str) -> bool:
        with self._repository.db.reading() as connection:
            return manifests.has_below(connection, self.version.id, path)


class OpenDrafts:
    """The open drafts of one store. Safe for use by several threads."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._content: weakref.WeakKeyDictionary[Draft, tuple[ContentWriter, SeenFolders]] = weakref.WeakKeyDictionary()
        self._abandoned: deque[ContentWriter] = deque()
        self._lock = threading.RLock()
        _existing.add(self)

    def begin(
        self,
        name: str,
        type: str | None,
        *,
        project: str,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        ttl: timedelta | None = None,
        base: Version | None = None,
    ) -> Draft:
        """Begin the next version of a collection. Raises `WrongType`, `InvalidInput`, or `StoreError`."""
        with self._repository.db.reading() as connection:
            collection = collections.find(connection, project, names.collection(name))
            if collection is not None and not collections.is_empty(connection, collection):
                check_type(collection.name, collection.type, type)
        type = type or (collection.type if collection else base.type if base else None)
        if type is None:
            raise InvalidInput(
                f"the artifact {name!r} does not exist in project {project!r} yet: pass type='dataset', or another "
                "type, to begin it"
            )
        draft = Draft(
            name,
            type,
            project=project,
            description=description,
            metadata=metadata,
            ttl=ttl,
            base=_BaseEntries(self._repository, base) if base else None,
        )
        if base is not None and not self.of(draft).writer.lease.claim_version(base.id):
            raise StoreError(f"{base.name} was deleted: start from another version")
        return draft

    def of(self, draft: Draft) -> OpenDraft:
        """Return a draft with its writer."""
        self._drop_abandoned()
        with self._lock:
            content = self._content.get(draft)
            if content is None:
                content = ContentWriter(self._repository, f"{draft.project}/{draft.name}"), {}
                self._content[draft] = content
                # The garbage collector may interrupt a transaction: it only notes the writer, the next call drops it.
                weakref.finalize(draft, self._abandoned.append, content[0]).atexit = False
            return OpenDraft(draft, *content)

    @contextmanager
    def closing(self, draft: Draft) -> Iterator[OpenDraft]:
        """Return a draft to be committed in a block: other threads do not drop it meanwhile; it is not open afterwards.

        It stays open if the block fails.
        """
        opened = self.of(draft)
        with opened.writer.kept_open():
            yield opened
        self._content.pop(draft, None)

    def drop(self, draft: Draft) -> None:
        """Drop a draft, and delete the content that only it held."""
        content = self._content.pop(draft, None)
        if content is not None and content[0].drop().chunks:
            reclaim_space(self._repository)

    def _drop_abandoned(self) -> None:
        with suppress(IndexError):
            while True:
                self._abandoned.popleft().drop()

    def close(self) -> None:
        """Drop all drafts, each of them even if another fails."""
        with ExitStack() as ending:
            for writer in [*(writer for writer, _ in self._content.values()), *self._abandoned]:
                ending.callback(writer.drop)
            self._content.clear()
            self._abandoned.clear()


def rebase_on_newest(repository: Repository, opened: OpenDraft) -> None:
    """Put a draft on top of the newest version of its collection, if there is one."""
    draft = opened.draft
    with repository.db.reading() as connection:
        collection = collections.find(connection, draft.project, draft.name)
        newest = versions.newest(connection, collection.id) if collection else None
    if newest is None:
        draft.base = None
    elif opened.writer.lease.claim_version(newest.id):
        draft.rebase(_BaseEntries(repository, newest))


def add_entry(opened: OpenDraft, entry: Entry, version: Version, path: str, *, overwrite: bool = False) -> Entry:
    """Add an entry of a version to a draft, which then depends on that version. Its content is not copied."""
    if not opened.writer.lease.claim_version(version.id):
        raise NotFound(f"{version.name} was deleted: use an entry of another version")
    added = opened.draft.add(entry._replace(path=names.entry_path(path)), overwrite=overwrite)
    opened.draft.depend_on(version)
    return added
