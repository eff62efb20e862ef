"""Store content that is to be found under paths of a run: bytes in memory, and files on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from artstore.catalog.repository import Repository
from artstore.core import names
from artstore.core.manifest import Entry, Kind
from artstore.ingest import large_file, walk
from artstore.ingest.content_writer import ContentWriter
from artstore.ingest.files import FileReader
from artstore.ingest.walk import WalkedFolder
from artstore.runtime import source_file
from artstore.runtime.progress import SILENT
from artstore.runtime.sqlite_errors import translate_sqlite_errors
from artstore.storage import chunking

Contents: TypeAlias = Mapping[str, bytes | Path]
"""Content by path: bytes, or the file on disk that has it."""


def store_contents(repository: Repository, writer: ContentWriter, contents: Contents) -> list[Entry]:
    """Store content; return an entry for each path. Raises `SourceUnreadable`, `SourceChanged` or `InvalidPath`."""
    with translate_sqlite_errors(repository.db.path):
        return _store_bytes(repository, writer, contents) + _store_files(repository, writer, contents)


def _store_bytes(repository: Repository, writer: ContentWriter, contents: Contents) -> list[Entry]:
    algorithm = repository.db.algorithm
    entries, small = list[Entry](), list[tuple[bytes, bytes]]()
    for path, data in contents.items():
        if isinstance(data, Path):
            continue
        if len(data) <= chunking.WHOLE:
            digest = algorithm.raw(data)
            small.append((digest, data))
        else:
            digest = large_file.store_bytes(writer, data, algorithm)
        entries.append(Entry(names.entry_path(path), Kind.FILE, algorithm.text(digest), len(data)))
    # Together, since each call asks the catalog what is stored.
    writer.put_files(small)
    writer.flush()
    return entries


def _store_files(repository: Repository, writer: ContentWriter, contents: Contents) -> list[Entry]:
    store = os.path.realpath(repository.folder)
    walked = []
    for path, place in contents.items():
        if isinstance(place, Path):
            source = os.path.realpath(place)
            walk.check_outside_store(source, store)
            try:
                status = os.stat(source)
            except OSError as error:
                raise source_file.unreadable(source, error.strerror or str(error), error) from error
            folder, name = os.path.split(source)
            walked.append(WalkedFolder(folder, [name], [names.entry_path(path)], [status]))
    reader = FileReader(repository, writer, SILENT)
    if walked:
        reader.run(iter(walked))
    return reader.entries
