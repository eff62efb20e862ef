"""Tables, images and other objects in artifacts: `add` writes one into a draft, `get` reads one from a version.

`media_reader`, `media_writer` and the types of objects are imported when an object is added or read, so that artifacts
without objects start fast.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from artstore.core.draft import Draft
from artstore.core.versions import Version
from artstore.runtime.arguments import checked
from artstore.tracking.artifact_state import ArtifactState, needs_draft, needs_version
from artstore.tracking.entries import ArtifactEntry, no_entry

if TYPE_CHECKING:
    from artstore.core.manifest import Entry
    from artstore.data_types.data_object import DataObject
    from artstore.data_types.partitioned_table import PartitionedTable
    from artstore.data_types.table import Table
    from artstore.tracking.media_reader import ArtifactReader
    from artstore.tracking.media_writer import ArtifactWriter


@checked
class ArtifactMedia(ArtifactState):
    """The part of `Artifact` that holds objects."""

    @cached_property
    def _writer(self) -> ArtifactWriter:
        from artstore.tracking.media_writer import ArtifactWriter

        return ArtifactWriter(self)

    def _reader(self, version: Version) -> ArtifactReader:
        from artstore.tracking.media_reader import ArtifactReader

        return ArtifactReader(self, version)

    @needs_draft
    def add(
        self, draft: Draft, obj: DataObject, name: str | os.PathLike[str], overwrite: bool = False
    ) -> ArtifactEntry:
        """Add a table, an image or another object of `artstore.data_types`; return its entry.

        >>> artifact.add(artstore.Table(dataframe=frame), "reviews").path
        'reviews.table.json'

        The path is the name, followed by the kind of the object. Files that the object needs are added below `media/`;
        with `overwrite`, those that only the replaced object needed are taken away. Raises `WrongValue` for anything
        else, or `PathConflict` if something else is at that path and `overwrite` is not set.
        """
        with self._lock:
            path = self._writer.add(obj, name, overwrite=overwrite)
            entry = draft.find(path)
        assert entry is not None
        return ArtifactEntry(entry, self)

    def __setitem__(self, name: str, obj: DataObject) -> None:
        self.add(obj, name)

    @needs_version
    def get(self, version: Version, name: str) -> Any:
        """Return the object that was added under a name; None if there is none.

        Only its document is read; its files are read when they are used.
        """
        return self._reader(version).get(name)

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    @needs_version
    def get_table(self, version: Version, name: str) -> Table | PartitionedTable:
        """Return the table that was added under a name. Raises `NoEntry`, which is a `KeyError`, if there is none."""
        table = self._reader(version).get_table(name)
        if table is None:
            raise no_entry(str(name), version.qualified_name)
        return table

    def _entry_of_object(self, version: Version, name: str) -> Entry | None:
        """Return the entry of the document of an object, by the name under which it was added."""
        place = self._reader(version).find(name)
        return self._open_store().entry(version, place[0]) if place is not None else None
