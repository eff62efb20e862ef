"""The files of a run as the Api shows them."""

from __future__ import annotations

import fnmatch
import mimetypes
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from artstore.core import names
from artstore.data_types import content
from artstore.errors import InvalidInput, NotFound
from artstore.tracking.listing import Listing


class RunFile:
    """A file in the folder of a run.

    >>> for file in artstore.Api().run("animals/3k9x2m1q").files():
    ...     file.download("restored", replace=True)
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._path = folder / name

    @property
    def id(self) -> str:
        """The name of the file."""
        return self.name

    def _stat(self) -> os.stat_result:
        try:
            return self._path.stat()
        except FileNotFoundError:
            raise NotFound(f"the run has no file {self.name!r}: list those that there are with run.files()") from None

    @property
    def size(self) -> int:
        """The length in bytes."""
        return self._stat().st_size

    sizeBytes = size

    @property
    def md5(self) -> str:
        """The MD5 of the content, in base64."""
        self._stat()
        return content.md5_base64(self._path.read_bytes())

    @property
    def mimetype(self) -> str | None:
        """The type of the content, as far as the name tells."""
        return mimetypes.guess_type(self.name)[0]

    @property
    def updated_at(self) -> str:
        """When the file was written: UTC, ISO 8601."""
        return datetime.fromtimestamp(self._stat().st_mtime, UTC).isoformat()

    @property
    def path_uri(self) -> str:
        """The file as a `file:` URI."""
        return self._path.as_uri()

    url = direct_url = path_uri

    def download(
        self, root: str | os.PathLike[str] = ".", replace: bool = False, exist_ok: bool = False, api: Any = None
    ) -> IO[Any]:
        """Copy the file below a folder; return the copy, opened for reading.

        Raises `NotFound`, or `InvalidInput` if a file is there already, unless `replace` is set, or `exist_ok`, which
        leaves it as it is.
        """
        self._stat()
        target = Path(root, self.name)
        if target.exists() and exist_ok and not replace:
            return target.open()
        if target.exists() and not replace:
            raise InvalidInput(f"{target} is there already: pass replace=True or exist_ok=True")
        if target.resolve() != self._path.resolve():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._path, target)
        return target.open()

    def delete(self) -> None:
        """Delete the file. Raises `NotFound`."""
        self._stat()
        self._path.unlink()

    def __repr__(self) -> str:
        return f"<File {self.name}>"


def list_files(
    folder: Path, wanted: list[str] | None, pattern: str | None, start: str | None = None
) -> Listing[RunFile]:
    """List the files below the folder of a run, by name: all, those of some names, or those that match a pattern."""
    if wanted and pattern:
        raise InvalidInput("files takes names or a pattern, not both")
    found = sorted(
        Path(parent, name).relative_to(folder).as_posix() for parent, _, files in os.walk(folder) for name in files
    )
    if wanted:
        found = [name for name in found if name in set(wanted)]
    if pattern:
        # W&B's patterns are those of SQL, where % is any text.
        found = [name for name in found if fnmatch.fnmatchcase(name, pattern.replace("%", "*"))]
    if start is not None:
        found = [name for name in found if name > start]
    return Listing.of([(name, RunFile(folder, name)) for name in found])


def add_file(folder: Path, path: str | os.PathLike[str], root: str | os.PathLike[str]) -> RunFile:
    """Copy a file into the folder of a run, at its path below `root`. Raises `InvalidInput`."""
    source = Path(path)
    if not source.is_file():
        raise InvalidInput(f"{str(source)!r} is not a file: give the path of one")
    relative = os.path.relpath(source, root)
    name = names.entry_path(Path(relative).as_posix())
    target = folder / name
    if target.resolve() != source.resolve():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return RunFile(folder, name)
