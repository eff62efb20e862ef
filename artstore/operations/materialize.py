"""Fetch the objects that references point to, and store them: references become files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from artstore.catalog import versions
from artstore.catalog.repository import Repository
from artstore.checkout import references
from artstore.core.manifest import Entry, Kind
from artstore.core.versions import Version
from artstore.ingest import files
from artstore.ingest.open_draft import OpenDraft
from artstore.operations.commit import commit
from artstore.operations.drafts import OpenDrafts
from artstore.runtime import scratch
from artstore.runtime.progress import SILENT, Progress, step

_FILES, _BYTES = 512, 256 << 20
"""The temporary folder holds at most this much at once; a larger object lies there alone."""


def materialize(
    repository: Repository,
    opened: OpenDraft,
    *,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress = SILENT,
) -> int:
    """Replace the references of a draft by files with the content that they pin; return how many there were.

    The bytes pass through a temporary folder (`TMPDIR`). Raises `RemoteError`, naming the entry; what was stored until
    then is in the draft.
    """
    draft = opened.draft
    pinned = [entry for entry in draft.under("") if entry.kind == Kind.REFERENCE]
    total = sum(entry.size or 0 for entry in pinned)
    with step(progress, f"fetching what {draft.name} refers to", total, "bytes"):
        for batch in _batches(pinned):
            with scratch.temporary_folder() as folder:
                references.fetch(
                    repository, draft.name, batch, folder, storage_options=storage_options, progress=progress
                )
                files.add_folder(repository, opened, folder, overwrite=True)
    draft.prefixes.clear()
    return len(pinned)


def materialize_version(
    repository: Repository,
    drafts: OpenDrafts,
    version: Version,
    *,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress = SILENT,
) -> Version:
    """Return a version like this one without references: the next of its collection, or itself if it has none.

    If the newest version equals that already, it is returned.
    """
    with repository.db.reading() as connection:
        source = versions.by_id(connection, version.id)
    draft = drafts.begin(
        source.collection,
        None,
        project=source.project,
        description=source.description,
        metadata=source.metadata,
        base=source,
    )
    if not materialize(repository, drafts.of(draft), storage_options=storage_options, progress=progress):
        drafts.drop(draft)
        return version
    with drafts.closing(draft) as opened:
        return commit(repository, opened).version


def _batches(entries: list[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        if batch and (len(batch) == _FILES or size + (entry.size or 0) > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry.size or 0
    if batch:
        yield batch
