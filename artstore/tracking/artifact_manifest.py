"""Manifests of artifacts, with the names and attributes that W&B gives them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from artstore.core import digests, names
from artstore.core.manifest import Entry, Kind, ManifestBuilder, version_digest
from artstore.errors import InvalidInput, NoEntry
from artstore.runtime.arguments import checked
from artstore.tracking.entries import ArtifactEntry, Owner


@checked
class ArtifactManifest:
    """All entries of an artifact, or those of a document that `from_manifest_json` reads."""

    def __init__(self, artifact: Owner | None, read: Callable[[], Iterator[Entry]], digest: Callable[[], str]) -> None:
        self._artifact = artifact
        self._read = read
        self._digest = digest

    @classmethod
    def from_manifest_json(cls, manifest_json: Mapping[str, Any], digest_algorithm: Any = None) -> ArtifactManifest:
        """Return the manifest that a document describes, as `to_manifest_json` returns it.

        It belongs to no artifact. Raises `InvalidInput` for a document without a version, or of an unknown one.
        """
        version = manifest_json.get("version")
        if version is None:
            raise InvalidInput("Invalid manifest format. Must contain version field.")
        if version != 1:
            raise InvalidInput(f"Invalid manifest version. It is {version!r}, and only 1 is known.")
        read = [_entry_of_json(path, fields) for path, fields in manifest_json.get("contents", {}).items()]
        made = cls(None, lambda: iter(read), lambda: _digest_of(entry._entry for entry in made.entries.values()))
        return made

    @property
    def digest_algorithm(self) -> str:
        """The algorithm of the digest, such as `blake3`."""
        return self.digest().partition(":")[0]

    def add_entry(self, entry: ArtifactEntry, overwrite: bool = False) -> None:
        """Add an entry of another artifact, under its own path. `overwrite` replaces one that is there.

        Raises `InvalidInput` if another one is there already, or `ArtifactFinalizedError` for a logged artifact.
        """
        before = self.entries.get(entry.path)
        if before is not None and before.digest == entry.digest:
            return
        if before is not None and not overwrite:
            raise InvalidInput(f"Cannot add the same path twice: {entry.path!r}")
        if self._artifact is None:
            self.entries[entry.path] = entry
            return
        if before is not None:
            self.remove_entry(before)
        for added in self._artifact.add_reference(entry, entry.path):
            self.entries[added.path] = added

    def remove_entry(self, entry: ArtifactEntry) -> None:
        """Remove an entry. Raises `NoEntry` if it is not there, or `ArtifactFinalizedError` for a logged artifact."""
        if entry.path not in self.entries:
            raise NoEntry(f"Cannot remove missing entry: {entry.path!r}")
        if self._artifact is not None:
            self._artifact.remove(entry.path)
        del self.entries[entry.path]

    @cached_property
    def entries(self) -> dict[str, ArtifactEntry]:
        """The entries by path, in path order."""
        entries = sorted(self._read(), key=lambda entry: entry.path)
        return {entry.path: ArtifactEntry(entry, self._artifact) for entry in entries}

    def __len__(self) -> int:
        return len(self.entries)

    def version(self) -> int:
        """Return the version of W&B's manifest format that `to_manifest_json` follows."""
        return 1

    def digest(self) -> str:
        """Return the digest of the artifact."""
        return self._digest()

    def size(self) -> int:
        """Return the sum of the sizes that are known, in bytes."""
        return sum(entry.size or 0 for entry in self.entries.values())

    def get_entry_by_path(self, path: str | os.PathLike[str]) -> ArtifactEntry | None:
        """Return the entry at a path; None if there is none."""
        return self.entries.get(str(path))

    def get_entries_in_directory(self, directory: str) -> list[ArtifactEntry]:
        """Return the entries below a folder, in path order."""
        prefix = directory.rstrip("/") + "/"
        return [entry for path, entry in self.entries.items() if path.startswith(prefix)]

    def to_manifest_json(self) -> dict[str, Any]:
        """Return the manifest in the form that W&B writes."""
        return {
            "version": self.version(),
            "storagePolicy": "wandb-storage-policy-v1",
            "storagePolicyConfig": {"storageLayout": "V2"},
            "contents": {path: entry.to_json() for path, entry in self.entries.items()},
        }


def _entry_of_json(path: str, fields: Mapping[str, Any]) -> Entry:
    """Return the entry that a manifest in W&B's form describes."""
    path, pins, uri = names.entry_path(path), fields.get("extra", {}), fields.get("ref")
    digest, size = fields.get("digest"), fields.get("size")
    if uri is None:
        return Entry(path, Kind.FILE, digest, size)
    checksum = digest if digest not in (uri, pins.get("etag")) else None
    version_id = pins.get("versionID")
    return Entry(path, Kind.REFERENCE, checksum, size, uri=uri, etag=pins.get("etag"), version_id=version_id)


def _digest_of(entries: Iterable[Entry]) -> str:
    """Return the digest of a version that has these entries."""
    listed = sorted(entries, key=lambda entry: entry.path)
    digest = next((entry.digest for entry in listed if entry.kind is Kind.FILE and entry.digest), "")
    builder = ManifestBuilder(digests.algorithm(digest.partition(":")[0] or digests.DEFAULT))
    builder.add(listed)
    return version_digest(builder.algorithm, builder.finish())
