"""A file that is written straight into an artifact: its name is taken at once, and its content when a block ends."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any


class ReservedFile:
    """What `Artifact.new_file` gives: in a `with` statement, a file to write to.

    The name stands for an empty file until the block ends, and for nothing if the block fails.
    """

    def __init__(
        self, mode: str, encoding: str | None, fill: Callable[[Path], object], give_up: Callable[[], object]
    ) -> None:
        self._mode = mode.replace("x", "w")
        self._encoding = encoding
        self._fill = fill
        self._give_up = give_up
        self._file: IO[Any] | None = None
        self._path: Path | None = None

    def __enter__(self) -> IO[Any]:
        descriptor, path = tempfile.mkstemp(prefix="artstore-")
        self._path = Path(path)
        encoding = self._encoding if self._encoding or "b" in self._mode else "utf-8"
        self._file = os.fdopen(descriptor, self._mode, encoding=encoding)
        return self._file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._file is not None and self._path is not None
        try:
            try:
                self._file.close()
                if error is None:
                    self._fill(self._path)
            except BaseException:
                self._give_up()
                raise
            if error is not None:
                self._give_up()
        finally:
            self._path.unlink(missing_ok=True)
