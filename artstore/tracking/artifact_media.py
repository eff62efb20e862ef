"""Objects in artifacts: tables, images and the like are put in by `add` and read back by `get`.

Of the objects only what is asked for is imported, and of an artifact only what is asked for is read.
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

from artstore.core import names
from artstore.errors import ArtstoreError, InvalidInput, PathConflict, WrongValue
from artstore.runtime import terminal
from artstore.tracking.artifact_version import ArtifactFacts
from artstore.tracking.entries import ArtifactEntry, missing

if TYPE_CHECKING:
    from artstore.core.draft import Draft
    from artstore.core.manifest import Entry
    from artstore.data_types.data_object import DataObject, ObjectReader
    from artstore.data_types.partitioned_table import PartitionedTable
    from artstore.data_types.table import Table
    from artstore.store import Store
    from artstore.tracking.artifact import Artifact

_HASHED = "media/tables/"


class ArtifactObjects(ArtifactFacts):
    """The part of an artifact that holds objects."""

    @cached_property
    def _shelf(self) -> ArtifactShelf:
        return ArtifactShelf(self)

    def add(self, obj: DataObject, name: str | os.PathLike[str], overwrite: bool = False) -> ArtifactEntry:
        """Put a table, an image or another object of `artstore.data_types` into the artifact; return its entry.

        >>> artifact.add(artstore.Table(dataframe=frame), "reviews")      # is at reviews.table.json

        Its path is the name with the kind of the object behind it. Files that it needs go below `media/`. Raises
        `WrongValue` for what is no such object, or `PathConflict` if something else is at that path and `overwrite`
        is not set.
        """
        from artstore.data_types.data_object import DataObject

        draft = self._open_draft("add")
        if not isinstance(obj, DataObject):
            raise WrongValue(
                f"Found object of type {type(obj)}, expected one of artstore.data_types, such as Table or Image: files "
                "are added with add_file"
            )
        with self._lock:
            path = self._shelf.put(obj, names.entry_path(str(name)), overwrite=overwrite)
            found = draft.find(path)
        assert found is not None
        return ArtifactEntry(found, self)

    def __setitem__(self, name: str, obj: DataObject) -> None:
        self.add(obj, name)

    def get(self, name: str) -> Any:
        """The object that was added under a name; None if there is none.

        Only what it needs is read: its files when they are looked at.
        """
        return self._object(str(name), "get")

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def get_table(self, name: str) -> Table | PartitionedTable:
        """The table that was added under a name. Raises `NoEntry`, a `KeyError`, if there is none."""
        from artstore.data_types import registry

        found: Table | PartitionedTable | None = self._object(str(name), "get_table", registry.ROW_TYPES)
        if found is None:
            raise missing(str(name), self._logged_version("get_table").qualified_name)
        return found

    def _object(self, name: str, what: str, among: tuple[str, ...] | None = None) -> Any:
        from artstore.data_types import registry

        self._logged_version(what)
        source = ArtifactSource(self)
        found = source.place(names.entry_path(name), among or registry.LOG_TYPES)
        return source.object(*found) if found is not None else None

    def _entry_of_object(self, name: str) -> Entry | None:
        """The entry of the document of an object, by the name under which it was added."""
        from artstore.data_types import registry

        found = ArtifactSource(self).place(name, registry.LOG_TYPES)
        return self._home().entry(self._logged_version("get_entry"), found[0]) if found is not None else None


class ArtifactSource:
    """A logged artifact, as objects see it that are read from it."""

    def __init__(self, artifact: ArtifactObjects) -> None:
        self.artifact = artifact
        self._version = artifact._logged_version("get")

    @property
    def _store(self) -> Store:
        return self.artifact._home()

    def has(self, path: str) -> bool:
        return self._store.entry(self._version, path) is not None

    def place(self, name: str, among: tuple[str, ...]) -> tuple[str, str] | None:
        """Where the object of a name is, and its kind; None if there is none."""
        from artstore.data_types import registry

        return next((each for each in registry.candidate_paths(name, among) if self.has(each[0])), None)

    def _pieces(self, path: str) -> Iterator[bytes]:
        found = self._store.entry(self._version, names.entry_path(path))
        if found is None:
            raise missing(path, self._version.qualified_name)
        if found.uri is not None:
            with tempfile.TemporaryDirectory(prefix="artstore-") as folder:
                self._store.get(self._version, folder, path_prefix=path)
                yield Path(folder, path).read_bytes()
            return
        yield from self._store.read(found)

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
        return [each.path for each in self._store.entries(self._version, folder)]

    def get(self, path: str) -> DataObject | None:
        found: DataObject | None = self.artifact.get(path)
        return found

    def object(self, path: str, kind: str) -> DataObject:
        """The object at a path, of a kind."""
        from artstore.data_types import registry
        from artstore.data_types.table import Table

        found: DataObject
        try:
            if path.endswith(registry.PARQUET_SUFFIX):
                found = Table.from_parquet(path, self)
            else:
                found = registry.class_of(kind).from_json(json.loads(self.read(path)), self)
        except (ValueError, KeyError, TypeError, AttributeError, BadZipFile) as error:
            if isinstance(error, ArtstoreError):
                raise
            raise InvalidInput(
                f"{path!r} of {self._version.name} is no {kind} as W&B and artstore write them ({error!r}): read it as "
                "a file, with get_entry(...).download()"
            ) from error
        found.source, found.source_path = self, path
        return found


class ArtifactShelf:
    """An artifact that is put together, as objects see it that are added to it."""

    def __init__(self, artifact: ArtifactObjects) -> None:
        self._artifact = artifact
        # The object is kept beside its path, so that nothing else gets its identity.
        self._added: dict[int, tuple[DataObject, str]] = {}
        self._overwrite: str | None = None
        self._undo: list[tuple[str, Entry | None]] = []
        self._depth = 0

    @property
    def _draft(self) -> Draft:
        return self._artifact._open_draft("add")

    @property
    def _store(self) -> Store:
        return self._artifact._home()

    def put(self, item: DataObject, name: str, *, overwrite: bool = False) -> str:
        """Take an object under a name, with all that it needs or not at all; return the path of its document."""
        mark, outer = len(self._undo), self._overwrite
        self._depth += 1
        try:
            if name.startswith(_HASHED):
                name = f"{_HASHED}{self._digest_name(item)}"
            self._overwrite = name if overwrite else None
            path = item.write(self, name)
            self._replace_twin(path, overwrite)
        except BaseException:
            self._take_back(mark)
            raise
        finally:
            self._overwrite = outer
            self._depth -= 1
            if not self._depth:
                self._undo.clear()
        self._added[id(item)] = (item, path)
        self._note_origin(item, path)
        return path

    def _note_origin(self, item: DataObject, path: str) -> None:
        """Depend on the artifact that an object is from and unchanged, also where none of its files went along."""
        origin, source_path = item.source, item.source_path
        if source_path is None or not isinstance(origin, ArtifactSource):
            return
        if origin.artifact._home().path != self._store.path:
            return
        version = origin.artifact._logged_version("add")
        there, here = self._store.entry(version, source_path), self._draft.find(path)
        # What is carried on from version to version would keep them all, and never be equal to the one before.
        if version.collection != self._draft.name and there and here and there.digest == here.digest:
            self._draft.depend_on(version)

    def _replace_twin(self, path: str, overwrite: bool) -> None:
        """See that a table is there once, as JSON or as Parquet."""
        for mine, other in ((".table.json", ".table.parquet"), (".table.parquet", ".table.json")):
            twin = path.removesuffix(mine) + other
            if path.endswith(mine) and self.has(twin):
                if not overwrite:
                    raise PathConflict(f"Cannot add the same path twice: {twin!r} is there; pass overwrite=True")
                self._draft.remove(twin)

    def _note(self, path: str) -> None:
        self._undo.append((path, self._draft.find(path)))

    def _take_back(self, mark: int) -> None:
        while len(self._undo) > mark:
            path, before = self._undo.pop()
            if before is not None:
                self._draft.add(before, overwrite=True)
            elif self.has(path):
                self._draft.remove(path)
        self._added = {key: kept for key, kept in self._added.items() if self.has(kept[1])}

    def _digest_name(self, item: DataObject) -> str:
        """The name that W&B gives what lies in its folder for tables, by content."""
        from artstore.data_types.content import md5_name
        from artstore.data_types.data_object import encode_document

        return md5_name(encode_document(item.to_json(self)))

    def has(self, path: str) -> bool:
        return self._draft.find(path) is not None

    def has_same(self, data: bytes, path: str) -> bool:
        found = self._draft.find(path)
        algorithm = self._store.db.algorithm
        return found is not None and found.digest == algorithm.text(algorithm.raw(data))

    def _replaces(self, path: str) -> bool:
        if self._overwrite is None:
            return False
        stem = self._overwrite.removesuffix(".table.json").removesuffix(".table.parquet")
        return path == self._overwrite or path.startswith(f"{stem}.")

    def put_bytes(self, data: bytes, path: str) -> None:
        self._note(path)
        self._store.add_bytes(self._draft, data, path, overwrite=self._replaces(path))

    def put_file(self, local: Path, path: str) -> None:
        self._note(path)
        self._store.add_file(self._draft, local, path, overwrite=self._replaces(path), progress=terminal.progress())

    def put_copy(self, source: ObjectReader, found: str, path: str) -> None:
        assert isinstance(source, ArtifactSource)
        if source.artifact._home().path != self._store.path:
            with source.temporary_file(found) as file:
                self.put_file(file, path)
            return
        version = source.artifact._logged_version("add")
        entry = self._store.entry(version, found)
        if entry is None:
            raise missing(found, version.qualified_name)
        self._note(path)
        self._store.add_entry(self._draft, entry, version, path)

    def put_reference(self, uri: str, path: str) -> None:
        self._note(path)
        cast("Artifact", self._artifact).add_reference(uri, path)

    def put_object(self, item: DataObject, name: str) -> str:
        if id(item) in self._added and self.has(self._added[id(item)][1]):
            return self._added[id(item)][1]
        return self.put(item, name)
