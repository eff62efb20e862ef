"""Read tables, images and other objects from a logged artifact."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast
from zipfile import BadZipFile

from artstore.core import names
from artstore.core.versions import Version
from artstore.data_types import registry
from artstore.data_types.data_object import DataObject
from artstore.errors import ArtstoreError, InvalidInput
from artstore.runtime import scratch
from artstore.store import Store
from artstore.tracking.artifact_state import ArtifactState
from artstore.tracking.entries import no_entry

if TYPE_CHECKING:
    from artstore.data_types.partitioned_table import PartitionedTable
    from artstore.data_types.table import Table


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

    def find(self, name: str, kinds: tuple[str, ...] = registry.LOG_TYPES) -> tuple[str, str] | None:
        """Return the path and the kind of the object with a name, if it has one of these kinds; otherwise None."""
        candidates = registry.candidate_paths(names.entry_path(str(name)), kinds)
        return next(((path, kind) for path, kind in candidates if self.has(path)), None)

    def _pieces(self, path: str) -> Iterator[bytes]:
        entry = self.store.entry(self.version, names.entry_path(path))
        if entry is None:
            raise no_entry(path, self.version.qualified_name)
        if entry.uri is not None:
            with scratch.temporary_folder() as folder:
                self.store.get(self.version, folder, path_prefix=path)
                yield Path(folder, path).read_bytes()
            return
        yield from self.store.read(entry)

    def read(self, path: str) -> bytes:
        return b"".join(self._pieces(path))

    @contextmanager
    def temporary_file(self, path: str) -> Iterator[Path]:
        with tempfile.NamedTemporaryFile(dir=scratch.folder()) as file:
            for piece in self._pieces(path):
                file.write(piece)
            file.flush()
            yield Path(file.name)

    def download(self, path: str) -> str:
        return str(Path(self.artifact.download(path_prefix=path), path))

    def paths_below(self, folder: str) -> list[str]:
        return [entry.path for entry in self.store.entries(self.version, folder)]

    def get(self, path: str) -> DataObject | None:
        place = self.find(path)
        return self.object(*place) if place is not None else None

    def get_table(self, name: str) -> Table | PartitionedTable | None:
        """Return the table of a name; None if there is none."""
        place = self.find(name, registry.ROW_TYPES)
        return cast("Table | PartitionedTable", self.object(*place)) if place is not None else None

    def object(self, path: str, kind: str) -> DataObject:
        """Read the object of a kind at a path. Raises `InvalidInput` if its document cannot be understood."""
        item: DataObject
        try:
            if path.endswith(registry.PARQUET_SUFFIX):
                # Late, so that reading an image does not import tables.
                from artstore.data_types.table import Table

                item = Table.from_parquet(path, self)
            else:
                item = registry.class_of(kind).from_json(json.loads(self.read(path)), self)
        except (ValueError, KeyError, TypeError, AttributeError, BadZipFile) as error:
            if isinstance(error, ArtstoreError):
                raise
            raise InvalidInput(
                f"{path!r} of {self.version.name} is not a valid {kind} ({error!r}): read it as a file, with "
                "get_entry(...).download()"
            ) from error
        item.source, item.source_path = self, path
        return item
