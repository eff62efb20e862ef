"""Write tables, images and other objects into an artifact that is a draft."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from artstore.core import digests, names
from artstore.core.draft import Draft
from artstore.core.manifest import Entry
from artstore.data_types.content import md5_name
from artstore.data_types.data_object import DataObject, ObjectReader, encode_document
from artstore.errors import PathConflict, WrongValue
from artstore.runtime import terminal
from artstore.store import Store
from artstore.tracking.artifact_state import ArtifactState
from artstore.tracking.entries import no_entry
from artstore.tracking.media_reader import ArtifactReader
from artstore.tracking.object_files import ObjectFiles

if TYPE_CHECKING:
    from artstore.tracking.artifact import Artifact

_NAMED_BY_CONTENT = "media/tables/"
"""In this folder W&B names tables by their digest."""


class ArtifactWriter:
    """An artifact that is still a draft, to which objects are added."""

    def __init__(self, artifact: ArtifactState) -> None:
        self._artifact = artifact
        # Each object is kept next to its path, so that no new object gets its id.
        self._added: dict[int, tuple[DataObject, str]] = {}
        self._overwritten: str | None = None
        """The name that may be overwritten by the call of `put` that runs."""
        self._undo: list[tuple[str, Entry | None]] = []
        """The paths written by the calls of `put` that run, each with its previous content."""
        self._depth = 0
        self._files: ObjectFiles | None = None

    @property
    def _draft(self) -> Draft:
        return self._artifact._require_draft("add")

    @property
    def _store(self) -> Store:
        return self._artifact._open_store()

    def add(self, obj: object, name: str | os.PathLike[str], *, overwrite: bool) -> str:
        """Add an object under a name; return the path of its document. Raises `WrongValue` for anything else."""
        if not isinstance(obj, DataObject):
            raise WrongValue(
                f"Found object of type {type(obj)}, expected one of artstore.data_types, such as Table or Image: files "
                "are added with add_file"
            )
        return self.put(obj, names.entry_path(str(name)), overwrite=overwrite)

    def put(self, item: DataObject, name: str, *, overwrite: bool = False) -> str:
        """Add an object under a name with all files that it needs, or nothing; return the path of its document."""
        mark, outer = len(self._undo), self._overwritten
        files = self._object_files()
        self._depth += 1
        files.begin()
        try:
            if name.startswith(_NAMED_BY_CONTENT):
                name = f"{_NAMED_BY_CONTENT}{self._digest_name(item)}"
            self._overwritten = name if overwrite else None
            path = item.write(self, name)
            self._replace_twin(path, overwrite)
        except BaseException:
            files.fail()
            self._take_back(mark)
            raise
        finally:
            self._overwritten = outer
            self._depth -= 1
            if not self._depth:
                self._undo.clear()
        for unneeded in files.end(path):
            self._draft.remove(unneeded)
        self._added[id(item)] = (item, path)
        self._note_origin(item, path)
        return path

    def _object_files(self) -> ObjectFiles:
        if self._files is None:
            self._files = ObjectFiles(self._store, self._draft)
        return self._files

    def _note_origin(self, item: DataObject, path: str) -> None:
        """Depend on the artifact that an unchanged object was read from, also where none of its files were added."""
        origin, source_path = item.source, item.source_path
        if source_path is None or not isinstance(origin, ArtifactReader) or origin.store.path != self._store.path:
            return
        version = origin.version
        there, here = self._store.entry(version, source_path), self._draft.find(path)
        # An object carried from version to version would keep them all, and none would be equal to the one before.
        if version.collection != self._draft.name and there and here and there.digest == here.digest:
            self._draft.depend_on(version)

    def _replace_twin(self, path: str, overwrite: bool) -> None:
        """Remove the same table in the other format, JSON or Parquet; without `overwrite` raise `PathConflict`."""
        for mine, other in ((".table.json", ".table.parquet"), (".table.parquet", ".table.json")):
            twin = path.removesuffix(mine) + other
            if path.endswith(mine) and self.has(twin):
                if not overwrite:
                    raise PathConflict(f"Cannot add the same path twice: {twin!r} is there; pass overwrite=True")
                self._draft.remove(twin)

    def _remember(self, path: str) -> None:
        self._object_files().note(path)
        self._undo.append((path, self._draft.find(path)))

    def _take_back(self, mark: int) -> None:
        while len(self._undo) > mark:
            path, before = self._undo.pop()
            if before is not None:
                self._draft.add(before, overwrite=True)
            elif self.has(path):
                self._draft.remove(path)
        self._added = {key: (item, path) for key, (item, path) in self._added.items() if self.has(path)}

    def _digest_name(self, item: DataObject) -> str:
        """Return the name that W&B gives a table in its folder, by content."""
        return md5_name(encode_document(item.to_json(self)))

    def has(self, path: str) -> bool:
        return self._draft.find(path) is not None

    def has_same(self, data: bytes, path: str) -> bool:
        entry = self._draft.find(path)
        return entry is not None and entry.digest == digests.algorithm(self._store.algorithm).digest(data)

    def _may_replace(self, path: str) -> bool:
        if self._overwritten is None:
            return False
        stem = self._overwritten.removesuffix(".table.json").removesuffix(".table.parquet")
        return path == self._overwritten or path.startswith(f"{stem}.")

    def put_bytes(self, data: bytes, path: str) -> None:
        self._remember(path)
        self._store.add_bytes(self._draft, data, path, overwrite=self._may_replace(path))

    def put_file(self, local: Path, path: str) -> None:
        self._remember(path)
        self._store.add_file(self._draft, local, path, overwrite=self._may_replace(path), progress=terminal.progress())

    def put_copy(self, source: ObjectReader, source_path: str, path: str) -> None:
        assert isinstance(source, ArtifactReader)
        if source.store.path != self._store.path:
            with source.temporary_file(source_path) as file:
                self.put_file(file, path)
            return
        entry = self._store.entry(source.version, source_path)
        if entry is None:
            raise no_entry(source_path, source.version.qualified_name)
        self._remember(path)
        self._store.add_entry(self._draft, entry, source.version, path)

    def put_reference(self, uri: str, path: str) -> None:
        self._remember(path)
        cast("Artifact", self._artifact).add_reference(uri, path)

    def put_object(self, item: DataObject, name: str) -> str:
        if id(item) in self._added and self.has(self._added[id(item)][1]):
            path = self._added[id(item)][1]
            self._object_files().note(path)
            return path
        return self.put(item, name)
