"""Entries and files of artifacts, with the names and attributes that W&B gives them."""

from __future__ import annotations

import mimetypes
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, overload

from artstore.core.manifest import Entry, Kind
from artstore.data_types import content
from artstore.errors import InvalidInput, NoEntry
from artstore.runtime import scratch
from artstore.runtime.arguments import checked


class Owner(Protocol):
    """The artifact that an entry belongs to, as far as entries need it."""

    @property
    def qualified_name(self) -> str: ...
    @property
    def created_at(self) -> str: ...
    def _read_entry(self, entry: Entry) -> Iterable[bytes]: ...
    def add_reference(self, uri: ArtifactEntry, name: str) -> Sequence[ArtifactEntry]: ...
    def remove(self, item: str) -> None: ...
    def download(
        self, root: str | os.PathLike[str] | None = None, *, path_prefix: str | os.PathLike[str] | None = None
    ) -> str: ...


class ArtifactEntry:
    """One path of an artifact: a file, a link, an empty folder or a reference.

    `local_path` is the file that it was added from; None if it was not added from a file.
    """

    def __init__(self, entry: Entry, artifact: Owner | None = None, local_path: str | None = None) -> None:
        self._entry = entry
        self._artifact = artifact
        self.local_path = local_path

    @property
    def path(self) -> str:
        """The path in the artifact."""
        return self._entry.path

    name = path

    @property
    def kind(self) -> Kind:
        """Whether it is a file, a link, an empty folder or a reference."""
        return self._entry.kind

    @property
    def digest(self) -> str | None:
        """The digest of the content, `algorithm:hex`; of a reference without one, its etag, otherwise its URI."""
        return self._entry.digest or self._entry.etag or self._entry.uri

    @property
    def size(self) -> int | None:
        """The length in bytes; None if it is not known."""
        return self._entry.size

    @property
    def ref(self) -> str | None:
        """The URI of a reference; None for an entry that the store holds."""
        return self._entry.uri

    @property
    def extra(self) -> dict[str, str]:
        """The `etag` and `versionID` of a reference, if it has them."""
        pins = {"etag": self._entry.etag, "versionID": self._entry.version_id}
        return {key: value for key, value in pins.items() if value is not None}

    def digest_algorithm(self) -> str | None:
        """Return the algorithm of the digest, such as `blake3`; None for a reference without one."""
        return self._entry.digest.partition(":")[0] if self._entry.digest else None

    def parent_artifact(self) -> Owner:
        """Return the artifact that the entry belongs to."""
        if self._artifact is None:
            raise InvalidInput(f"{self.path!r} does not belong to an artifact yet: add it to one")
        return self._artifact

    def download(
        self, root: str | os.PathLike[str] | None = None, skip_cache: bool | None = None, executor: Any = None
    ) -> str:
        """Write the entry below a folder, by default below that of the artifact; return the path of the file.

        Raises what `Artifact.download` raises.
        """
        folder = self.parent_artifact().download(root, path_prefix=self.path)
        return str(Path(folder, self.path))

    def ref_target(self) -> str:
        """Return the URI of a reference. Raises `InvalidInput` for another entry."""
        if self.ref is None:
            raise InvalidInput("Only reference entries support ref_target().")
        return self.ref

    def ref_url(self) -> str:
        """Return a URL of this entry, which `Artifact.add_reference` takes."""
        return f"wandb-artifact://{self.parent_artifact().qualified_name}/{self.path}"

    @property
    def md5(self) -> str | None:
        """The MD5 of the content in base64, for which a file is read; None for what is not a stored file."""
        if self.kind is not Kind.FILE:
            return None
        return content.md5_of(self.parent_artifact()._read_entry(self._entry))

    def to_json(self) -> dict[str, Any]:
        """Return the entry as it is in W&B's manifests."""
        document: dict[str, Any] = {"digest": self.digest}
        if self.ref is not None:
            document["ref"] = self.ref
        if self.extra:
            document["extra"] = self.extra
        if self.size is not None:
            document["size"] = self.size
        return document

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArtifactEntry) and self._entry == other._entry

    def __hash__(self) -> int:
        return hash(self._entry)

    def __repr__(self) -> str:
        return f"ArtifactEntry(path={self.path!r}, digest={self.digest!r}, size={self.size})"


@checked
class ArtifactEntries(Sequence[ArtifactEntry]):
    """Entries of an artifact. Each is made when it is accessed: there can be a million of them."""

    def __init__(self, entries: Sequence[Entry], artifact: Owner) -> None:
        self._entries = entries
        self._artifact = artifact

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> ArtifactEntry: ...
    @overload
    def __getitem__(self, index: slice) -> ArtifactEntries: ...
    def __getitem__(self, index: int | slice) -> ArtifactEntry | ArtifactEntries:
        if isinstance(index, slice):
            return ArtifactEntries(self._entries[index], self._artifact)
        return ArtifactEntry(self._entries[index], self._artifact)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))


class ArtifactFile:
    """A file of a logged artifact, as `Artifact.files` lists it."""

    def __init__(self, entry: ArtifactEntry) -> None:
        self._entry = entry

    @property
    def name(self) -> str:
        """The path in the artifact."""
        return self._entry.path

    @property
    def size(self) -> int:
        """The length in bytes; 0 if it is not known."""
        return self._entry.size or 0

    @property
    def digest(self) -> str | None:
        """The digest of the content."""
        return self._entry.digest

    @property
    def id(self) -> str:
        """The path in the artifact."""
        return self.name

    @property
    def mimetype(self) -> str | None:
        """The type of the content, as far as the name tells."""
        return mimetypes.guess_type(self.name)[0]

    def digest_algorithm(self) -> str | None:
        """Return the algorithm of the digest, such as `blake3`."""
        return self._entry.digest_algorithm()

    @property
    def md5(self) -> str | None:
        """The MD5 of the content in base64, for which the file is read; None for what is not a stored file."""
        return self._entry.md5

    @property
    def updated_at(self) -> str:
        """When the version was committed: UTC, ISO 8601."""
        return self._entry.parent_artifact().created_at

    @property
    def path_uri(self) -> str:
        """The URI of a reference; otherwise empty."""
        return self._entry.ref or ""

    url = direct_url = path_uri

    @checked
    def download(self, root: str | os.PathLike[str] = ".", replace: bool = False, exist_ok: bool = False) -> Any:
        """Write the file below a folder; return it, opened for reading.

        Raises `InvalidInput` if a file is there already, unless `replace` is set, or `exist_ok`, which leaves it as it
        is.
        """
        target = Path(root, self.name)
        if target.exists() and not replace:
            if exist_ok:
                return target.open()
            raise InvalidInput(f"{target} is there already: pass replace=True or exist_ok=True")
        return open(self._entry.download(root))

    def __repr__(self) -> str:
        return f"<File {self.name} ({self.size} bytes)>"


@checked
class ReservedFile:
    """A file of an artifact that a `with` block writes: `Artifact.new_file` returns it.

    The name stands for an empty file until the block ends, and for what was there before if the block fails.
    """

    def __init__(
        self, mode: str, encoding: str | None, add: Callable[[Path], object], undo: Callable[[], object]
    ) -> None:
        self._mode = mode.replace("x", "w")
        self._encoding = encoding
        self._add = add
        self._undo = undo
        self._file: IO[Any] | None = None
        self._path: Path | None = None

    def __enter__(self) -> IO[Any]:
        descriptor, path = tempfile.mkstemp(dir=scratch.folder())
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
                    self._add(self._path)
            except BaseException:
                self._undo()
                raise
            if error is not None:
                self._undo()
        finally:
            self._path.unlink(missing_ok=True)


def no_entry(path: str, artifact: str) -> NoEntry:
    """Return the error for a path that an artifact does not have."""
    return NoEntry(f"Path not contained in artifact: {path} (list what {artifact} has with `artstore ls {artifact}`)")
