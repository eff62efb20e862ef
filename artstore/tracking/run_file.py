"""The files of a run as the Api shows them."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import mimetypes
import os
from pathlib import Path
from typing import IO, Any

from artstore.core import names
from artstore.core.runs import RunFile as Record
from artstore.core.runs import RunRecord
from artstore.errors import InvalidInput
from artstore.runtime.arguments import checked
from artstore.store import Store
from artstore.tracking.listing import Listing


@checked
class RunFile:
    """A file of a run: it saved it, logged it as media, or wrote it to `Run.dir`.

    >>> for file in artstore.Api().run("animals/3k9x2m1q").files():
    ...     file.download("restored", replace=True)
    """

    def __init__(self, store: Store, run: RunRecord, file: Record) -> None:
        self._store = store
        self._run = run
        self._file = file

    @property
    def name(self) -> str:
        """The path of the file, with `/` between names."""
        return self._file.path

    @property
    def id(self) -> str:
        """The name of the file."""
        return self.name

    @property
    def size(self) -> int:
        """The length in bytes."""
        return self._file.size

    sizeBytes = size

    @property
    def digest(self) -> str | None:
        """The digest of the content; None while the file lies only in the folder of the run."""
        return self._file.digest

    @property
    def md5(self) -> str:
        """The MD5 of the content, in base64. Raises `NotFound` if the file was deleted."""
        hasher = hashlib.md5(usedforsecurity=False)
        for piece in self._store.runs.files.read(self._run, self.name):
            hasher.update(piece)
        return base64.b64encode(hasher.digest()).decode()

    @property
    def mimetype(self) -> str | None:
        """The type of the content, as far as the name tells."""
        return mimetypes.guess_type(self.name)[0]

    @property
    def updated_at(self) -> str:
        """When the file was stored: UTC, ISO 8601."""
        return self._file.stored_at

    @property
    def path_uri(self) -> str | None:
        """None: the file has no place of its own, and is read with `download`."""
        return None

    url = direct_url = path_uri

    def download(
        self, root: str | os.PathLike[str] = ".", replace: bool = False, exist_ok: bool = False, api: Any = None
    ) -> IO[Any]:
        """Write the file below a folder, verified; return it, opened for reading.

        Raises `NotFound`, or `InvalidInput` if a file is there already, unless `replace` is set, or `exist_ok`, which
        leaves it as it is.
        """
        target = Path(root, self.name)
        if target.exists() and not replace:
            if exist_ok:
                return target.open()
            raise InvalidInput(f"{target} is there already: pass replace=True or exist_ok=True")
        return self._store.runs.files.download(self._run, self.name, Path(root)).open()

    def delete(self) -> None:
        """Delete the file, and its content if nothing else needs it. Raises `NotFound`."""
        self._store.runs.files.delete(self._run, self.name)

    def __repr__(self) -> str:
        return f"<File {self.name}>"


def list_files(
    store: Store, run: RunRecord, wanted: list[str] | None, pattern: str | None, start: str | None = None
) -> Listing[RunFile]:
    """List the files of a run, by name: all, those of some names, or those that match a pattern."""
    if wanted and pattern:
        raise InvalidInput("files takes names or a pattern, not both")
    found = store.runs.files.find(run, wanted or None)
    if pattern:
        # W&B's patterns are those of SQL, where % is any text.
        found = [file for file in found if fnmatch.fnmatchcase(file.path, pattern.replace("%", "*"))]
    if start is not None:
        found = [file for file in found if file.path > start]
    return Listing.of([(file.path, RunFile(store, run, file)) for file in found])


def add_file(store: Store, run: RunRecord, path: str | os.PathLike[str], root: str | os.PathLike[str]) -> RunFile:
    """Store a file as one of a run, at its path below `root`. Raises `InvalidInput`."""
    source = Path(path)
    if not source.is_file():
        raise InvalidInput(f"{str(source)!r} is not a file: give the path of one")
    name = names.entry_path(Path(os.path.relpath(source, root)).as_posix())
    store.runs.files.keep(run, {name: source}, edited=True)
    return RunFile(store, run, store.runs.files.find(run, [name])[0])
