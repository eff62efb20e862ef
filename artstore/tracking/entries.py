"""Entries and manifests as users of artifacts see them, under W&B's names for what they have."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, overload

from artstore.core.manifest import Entry, Kind
from artstore.errors import InvalidInput, NoEntry


class Owner(Protocol):
    """The artifact that an entry belongs to, as far as entries need it."""

    @property
    def qualified_name(self) -> str: ...
    def download(
        self, root: str | os.PathLike[str] | None = None, *, path_prefix: str | os.PathLike[str] | None = None
    ) -> str: ...


class ArtifactEntry:
    """One path of an artifact.

    `path` is where it is in the artifact, `digest` the digest of its content, `size` its length in bytes (None where
    that is not known), `ref` the URI of an object that is kept elsewhere, and `local_path` the file it was added from.
    """

    def __init__(self, entry: Entry, artifact: Owner | None = None, local_path: str | None = None) -> None:
        self._entry = entry
        self._artifact = artifact
        self.local_path = local_path

    @property
    def path(self) -> str:
        """Where it is in the artifact."""
        return self._entry.path

    name = path

    @property
    def kind(self) -> Kind:
        """Whether it is a file, a link, an empty folder or a reference."""
        return self._entry.kind

    @property
    def digest(self) -> str | None:
        """The digest of its content, `algorithm:hex`; of a reference without one, its etag, or else its URI."""
        return self._entry.digest or self._entry.etag or self._entry.uri

    @property
    def size(self) -> int | None:
        """Its length in bytes; None where that is not known."""
        return self._entry.size

    @property
    def ref(self) -> str | None:
        """The URI of an object that is kept elsewhere; None for what the store keeps."""
        return self._entry.uri

    @property
    def extra(self) -> dict[str, str]:
        """What else pins a reference: `etag` and `versionID`."""
        found = {"etag": self._entry.etag, "versionID": self._entry.version_id}
        return {key: value for key, value in found.items() if value is not None}

    def parent_artifact(self) -> Owner:
        """The artifact that it is an entry of."""
        if self._artifact is None:
            raise InvalidInput(f"{self.path!r} belongs to no artifact yet: add it to one")
        return self._artifact

    def download(
        self, root: str | os.PathLike[str] | None = None, skip_cache: bool | None = None, executor: Any = None
    ) -> str:
        """Write it below a folder, by default that of the artifact's download; return the path of the file."""
        folder = self.parent_artifact().download(root, path_prefix=self.path)
        return str(Path(folder, self.path))

    def ref_target(self) -> str:
        """The URI of a reference. Raises `InvalidInput` for what is none."""
        if self.ref is None:
            raise InvalidInput("Only reference entries support ref_target().")
        return self.ref

    def ref_url(self) -> str:
        """A URL of this entry, as other artifacts can reference it."""
        return f"wandb-artifact://{self.parent_artifact().qualified_name}/{self.path}"

    def to_json(self) -> dict[str, Any]:
        """What W&B's manifests say of an entry."""
        found: dict[str, Any] = {"digest": self.digest}
        if self.ref is not None:
            found["ref"] = self.ref
        if self.extra:
            found["extra"] = self.extra
        if self.size is not None:
            found["size"] = self.size
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArtifactEntry) and self._entry == other._entry

    def __hash__(self) -> int:
        return hash(self._entry)

    def __repr__(self) -> str:
        return f"ArtifactEntry(path={self.path!r}, digest={self.digest!r}, size={self.size})"


class ArtifactEntries(Sequence[ArtifactEntry]):
    """Entries of an artifact, each made when it is asked for: there can be a million of them."""

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


class ArtifactManifest:
    """The entries of an artifact."""

    def __init__(self, artifact: Owner, read: Callable[[], Iterator[Entry]], digest: Callable[[], str]) -> None:
        self._artifact = artifact
        self._read = read
        self._digest = digest

    @cached_property
    def entries(self) -> dict[str, ArtifactEntry]:
        """All of them, by their paths and in path order."""
        found = sorted(self._read(), key=lambda entry: entry.path)
        return {entry.path: ArtifactEntry(entry, self._artifact) for entry in found}

    def __len__(self) -> int:
        return len(self.entries)

    def version(self) -> int:
        """The version of W&B's manifest format that `to_manifest_json` follows."""
        return 1

    def digest(self) -> str:
        """The digest of the artifact."""
        return self._digest()

    def size(self) -> int:
        """The sum of the sizes that are known, in bytes."""
        return sum(entry.size or 0 for entry in self.entries.values())

    def get_entry_by_path(self, path: str | os.PathLike[str]) -> ArtifactEntry | None:
        """The entry at a path; None if there is none."""
        return self.entries.get(str(path))

    def get_entries_in_directory(self, directory: str) -> list[ArtifactEntry]:
        """The entries below a folder."""
        prefix = directory.rstrip("/") + "/"
        return [entry for path, entry in self.entries.items() if path.startswith(prefix)]

    def to_manifest_json(self) -> dict[str, Any]:
        """The manifest in the form that W&B writes."""
        return {
            "version": self.version(),
            "storagePolicy": "wandb-storage-policy-v1",
            "storagePolicyConfig": {"storageLayout": "V2"},
            "contents": {path: entry.to_json() for path, entry in self.entries.items()},
        }


class ArtifactFile:
    """A file of a logged artifact, as `Artifact.files` lists it."""

    def __init__(self, entry: ArtifactEntry) -> None:
        self._entry = entry

    @property
    def name(self) -> str:
        """Where it is in the artifact."""
        return self._entry.path

    @property
    def size(self) -> int:
        """Its length in bytes; 0 where that is not known."""
        return self._entry.size or 0

    @property
    def digest(self) -> str | None:
        """The digest of its content."""
        return self._entry.digest

    def download(self, root: str | os.PathLike[str] = ".", replace: bool = False, exist_ok: bool = False) -> Any:
        """Write it below a folder; return it opened for reading.

        Raises `InvalidInput` if a file is there, unless it shall be replaced, or used as it is.
        """
        target = Path(root, self.name)
        if target.exists() and not replace:
            if exist_ok:
                return target.open()
            raise InvalidInput(f"{target} is there already: pass replace=True or exist_ok=True")
        return open(self._entry.download(root))

    def __repr__(self) -> str:
        return f"<File {self.name} ({self.size} bytes)>"


def missing(path: str, artifact: str) -> NoEntry:
    """The error for a path that an artifact does not have."""
    return NoEntry(f"Path not contained in artifact: {path} (list what {artifact} has with `artstore ls {artifact}`)")
