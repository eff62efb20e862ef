"""Taking the bytes of references into the store: what a draft refers to becomes what it holds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from artstore.catalog.db import Db
from artstore.checkout import references
from artstore.core.draft import Draft
from artstore.core.manifest import Entry, Kind
from artstore.ingest import files
from artstore.ingest.content_writer import ContentWriter
from artstore.runtime.progress import SILENT, Progress, step

_FILES, _BYTES = 512, 256 << 20
"""What lies in the temporary folder at once, at most; a larger object lies there alone."""


def materialize(
    draft: Draft,
    db: Db,
    intake: ContentWriter,
    *,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress = SILENT,
) -> int:
    """Fetch what the references of a draft pin, and put it in their place as files; return how many.

    The bytes pass through a temporary folder (`TMPDIR`). Raises `RemoteError`, naming the entry; what was taken until
    then is in the draft.
    """
    pinned = [entry for entry in draft.under("") if entry.kind == Kind.REFERENCE]
    total = sum(entry.size or 0 for entry in pinned)
    with step(progress, f"fetching what {draft.name} refers to", total, "bytes"):
        for batch in _batches(pinned):
            with tempfile.TemporaryDirectory(prefix="artstore-") as folder:
                references.fetch(
                    db, draft.name, batch, Path(folder), storage_options=storage_options, progress=progress
                )
                files.folder(draft, db, intake, Path(folder), overwrite=True)
    draft.prefixes.clear()
    return len(pinned)


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
