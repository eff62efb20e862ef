"""Move a draft from one store to another, through files in a temporary folder."""

from __future__ import annotations

import os

from artstore.core.draft import Draft
from artstore.core.manifest import Kind
from artstore.errors import InvalidInput
from artstore.runtime import scratch
from artstore.store import Store


def transfer(source: Store, draft: Draft, target: Store) -> Draft:
    """Make a draft with the same entries in another store, and drop the one here; return the new one.

    Raises `InvalidInput` if the draft starts from a version here or depends on one.
    """
    if draft.base is not None or draft.dependencies:
        raise InvalidInput(
            f"{draft.name} builds on artifacts in {source.path}, and cannot be logged to {target.path}: "
            "log it with a run whose store is that one"
        )
    moved = Draft(draft.name, draft.type, description=draft.description, metadata=draft.metadata, ttl=draft.ttl)
    moved.prefixes |= draft.prefixes
    with scratch.temporary_folder() as folder:
        copy = folder / "file"
        for entry in draft.under(""):
            if entry.kind != Kind.FILE:
                moved.add(entry)
                continue
            with copy.open("wb") as file:
                for piece in source.read_draft(draft, entry):
                    file.write(piece)
            os.chmod(copy, 0o700 if entry.executable else 0o600)
            target.add_file(moved, copy, entry.path)
            copy.unlink()
    source.drop(draft)
    return moved
