"""Tables, images and other objects in artifacts: `add` writes one into a draft, `get` reads one from a version.

Here and below, what needs NumPy, pandas or PyArrow is imported when an object is added or read, so that artifacts
without objects start fast.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zipfile import BadZipFile

from artstore.core import digests, names
from artstore.core.draft import Draft
from artstore.core.versions import Version
from artstore.errors import ArtstoreError, InvalidInput, PathConflict, WrongValue
from artstore.runtime import terminal
from artstore.tracking.artifact_state import ArtifactState, needs_draft, needs_version
from artstore.tracking.entries import ArtifactEntry, no_entry

if TYPE_CHECKING:
    from artstore.core.manifest import Entry
    from artstore.data_types.data_object import DataObject, ObjectReader
    from artstore.data_types.partitioned_table import PartitionedTable
    from artstore.data_types.table import Table
    from artstore.store import Store
    from artstore.tracking.artifact import Artifact

_NAMED_BY_CONTENT = "media/tables/"
"""In this folder W&B names tables by their digest."""


class ArtifactMedia(ArtifactState):
    """The part of `Artifact` that holds objects."""

    @cached_property
    def _writer(self) -> ArtifactWriter:
        return ArtifactWriter(self)

    @needs_draft
    def add(
        self, draft: Draft, obj: DataObject, name: str | os.PathLike[str], overwrite: bool = False
    ) -> ArtifactEntry:
        """Add a table, an image or another object of `artstore.data_types`; return its entry.

        >>> artifact.add(artstore.Table(dataframe=frame), "reviews").path
        'reviews.table.json'

        The path is the name, followed by the kind of the object. Files that the object needs are added below `media/`.
        Raises `WrongValue` for anything else, or `PathConflict` if something else is at that path and `overwrite` is
        not set.
        """
        from artstore.data_types.data_object import DataObject

        if not isinstance(obj, DataObject):
            raise WrongValue(
                f"Found object of type {type(obj)}, expected one of artstore.data_types, such as Table or Image: files "
                "are added with add_file"
            )
        with self._lock:
            path = self._writer.put(obj, names.entry_path(str(name)), overwrite=overwrite)
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
        from artstore.data_types import registry

        return self._object(version, name, registry.LOG_TYPES)

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    @needs_version
    def get_table(self, version: Version, name: str) -> Table | PartitionedTable:
        """Return the table that was added under a name. Raises `NoEntry`, which is a `KeyError`, if there is none."""
        from artstore.data_types import registry

        table: Table | PartitionedTable | None = self._object(version, name, registry.ROW_TYPES)
        if table is None:
            raise no_entry(str(name), version.qualified_name)
        return table

    def _object(self, version: Version, name: str, kinds: tuple[str, ...]) -> Any:
        source = ArtifactReader(self, version)
        place = source.find(names.entry_path(str(name)), kinds)
        return source.object(*place) if place is not None else None

    def _entry_of_object(self, version: Version, name: str) -> Entry | None:
        """Return the entry of the document of an object, by the name under which it was added."""
        from artstore.data_types import registry

        place = ArtifactReader(self, version).find(name, registry.LOG_TYPES)
        return self._open_store().entry(version, place[0]) if place is not None else None


class ArtifactReader:
    """A logged artifact, from which objects are read."""

    def __init__(self, artifact: ArtifactState, version: Version) -> None:
        self.artifact = artifact
        self.version = version

    @property
    def store(self) -> Store:
        """The store that holds the artifact."""
        return self.artifact._open_store()

    def has(self, path: str) -> bool:
        return self.store.entry(self.version, path) is not None

    def find(self, name: str, kinds: tuple[str, ...]) -> tuple[str, str] | None:
        """Return the path and the kind of the object of a name, if it is of one of these kinds; None if not."""
        from artstore.data_types import registry

        return next(((path, kind) for path, kind in registry.candidate_paths(name, kinds) if self.has(path)), None)

    def _pieces(self, path: str) -> Iterator[bytes]:
        entry = self.store.entry(self.version, names.entry_path(path))
        if entry is None:
            raise no_entry(path, self.version.qualified_name)
        if entry.uri is not None:
            with tempfile.TemporaryDirectory(prefix="artstore-") as folder:
                self.store.get(self.version, folder, path_prefix=path)
                yield Path(folder, path).read_bytes()
            return
        yield from self.store.read(entry)

    def read(self, path: str) -> bytes:
        return b"".join(self._pieces(path))

    @contextmanager
    def temporary_file(self, path: str) -> Iterator[Path]:
        with tempfile.NamedTemporaryFile(prefix="artstore-") as file:
            for piece in self._pieces(path):
                file.write(piece)
            file.flush()
            yield Path(file.name)

    def download(self, path: str) -> str:
        return str(Path(self.artifact.download(path_prefix=path), path))

    def paths_below(self, folder: str) -> list[str]:
        return [entry.path for entry in self.store.entries(self.version, folder)]

    def get(self, path: str) -> DataObject | None:
        from artstore.data_types import registry

        place = self.find(names.entry_path(path), registry.LOG_TYPES)
        return self.object(*place) if place is not None else None

    def object(self, path: str, kind: str) -> DataObject:
        """Read the object of a kind at a path. Raises `InvalidInput` if its document cannot be understood."""
        from artstore.data_types import registry
        from artstore.data_types.table import Table

        item: DataObject
        try:
            if path.endswith(registry.PARQUET_SUFFIX):
                item = Table.from_parquet(path, self)
            else:
                item = registry.class_of(kind).from_json(json.loads(self.read(path)), self)
        except (ValueError, KeyError, TypeError, AttributeError, BadZipFile) as error:
            if isinstance(error, ArtstoreError):
                raise
            raise InvalidInput(
                f"{path!r} of {self.version.name} is no {kind} as W&B and artstore write them ({error!r}): read it as "
                "a file, with get_entry(...).download()"
            ) from error
        item.source, item.source_path = self, path
        return item


class ArtifactWriter:
    """An artifact that is still a draft, to which objects are added."""

    def __init__(self, artifact: ArtifactState) -> None:
        self._artifact = artifact
        # Each object is kept next to its path, so that no new object gets its id.
        self._added: dict[int, tuple[DataObject, str]] = {}
        self._overwritten: str | None = None
        """The name that may be overwritten by the call of `put` that runs."""
        self._undo: list[tuple[str, Entry | None]] = []
        """Paths and what was there before, for the calls of `put` that run."""
        self._depth = 0

    @property
    def _draft(self) -> Draft:
        return self._artifact._require_draft("add")

    @property
    def _store(self) -> Store:
        return self._artifact._open_store()

    def put(self, item: DataObject, name: str, *, overwrite: bool = False) -> str:
        """Add an object under a name with all files that it needs, or nothing; return the path of its document."""
        mark, outer = len(self._undo), self._overwritten
        self._depth += 1
        try:
            if name.startswith(_NAMED_BY_CONTENT):
                name = f"{_NAMED_BY_CONTENT}{self._digest_name(item)}"
            self._overwritten = name if overwrite else None
            path = item.write(self, name)
            self._replace_twin(path, overwrite)
        except BaseException:
            self._take_back(mark)
            raise
        finally:
            self._overwritten = outer
            self._depth -= 1
            if not self._depth:
                self._undo.clear()
        self._added[id(item)] = (item, path)
        self._note_origin(item, path)
        return path

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
        from artstore.data_types.content import md5_name
        from artstore.data_types.data_object import encode_document

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
            return self._added[id(item)][1]
        return self.put(item, name)
