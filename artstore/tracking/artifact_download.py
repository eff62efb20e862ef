"""The entries of an artifact, and writing them into a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from artstore.core import names
from artstore.core.versions import Version
from artstore.errors import DownloadDiffers, DownloadMissing, InvalidInput
from artstore.runtime import terminal
from artstore.runtime.arguments import checked
from artstore.tracking import download_root
from artstore.tracking.artifact_media import ArtifactMedia
from artstore.tracking.artifact_state import needs_version
from artstore.tracking.entries import ArtifactEntry, ArtifactFile, no_entry
from artstore.tracking.listing import Listing

StrPath = str | os.PathLike[str]


@checked
class ArtifactDownload(ArtifactMedia):
    """The part of `Artifact` that lists and downloads its entries."""

    @needs_version
    def get_entry(self, version: Version, name: StrPath) -> ArtifactEntry:
        """Return the entry at a path, or that of the object that was added under that name.

        Raises `NoEntry`, which is a `KeyError`, if there is neither.
        """
        path = names.entry_path(str(name))
        entry = self._open_store().entry(version, path) or self._entry_of_object(version, path)
        if entry is None:
            raise no_entry(path, version.qualified_name)
        return ArtifactEntry(entry, self)

    get_path = get_entry

    @needs_version
    def files(
        self, version: Version, names: list[str] | None = None, per_page: int = 50, start: str | None = None
    ) -> Listing[ArtifactFile]:
        """List the files of the artifact, or those at some paths. Raises `NoEntry` for a path that it does not have."""
        store = self._open_store()

        def page(after: str | None, count: int) -> list[tuple[str, ArtifactFile]]:
            entries = store.pages.entries(version, after, count)
            return [(entry.path, ArtifactFile(ArtifactEntry(entry, self))) for entry in entries]

        if names is not None:
            return Listing.of([(entry.path, ArtifactFile(entry)) for entry in map(self.get_entry, names)])
        return Listing(page, lambda: store.pages.count_entries(version), per_page=per_page, start=start)

    @needs_version
    def download(
        self,
        version: Version,
        root: StrPath | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,
        path_prefix: StrPath | None = None,
        multipart: bool | None = None,
        *,
        storage_options: Mapping[str, Any] | None = None,
    ) -> str:
        """Write the artifact into a folder, by default `./artifacts/animals:v0`; return the folder.

        >>> artifact.download()
        '/home/me/artifacts/animals:v0'
        >>> artifact.download("data", path_prefix="train")

        If that folder belongs to a version of this name in another project, it is `./artifacts/animals:v0~PROJECT`.
        Every byte is verified before it is visible under its name. Files that are there and equal are kept, and files
        that the artifact does not have are left alone. `path_prefix` is the path of an entry or of a folder. References
        are fetched from where they point, and must be as they were when they were added. `storage_options` are passed
        to the file system of fsspec.

        Raises `NoEntry` if there is nothing at the prefix, `ReferenceChanged` if an object is not as it was, or
        `ReferenceGone` if it does not exist and `allow_missing_references` is not set.
        """
        store = self._open_store()
        folder = Path(root) if root is not None else download_root.of_version(store, version, version)
        prefix = names.entry_path(str(path_prefix)) if path_prefix is not None and str(path_prefix) else None
        outcome = store.get(
            version,
            folder,
            path_prefix=prefix,
            allow_missing_references=allow_missing_references,
            storage_options=storage_options,
            progress=terminal.progress(),
        )
        if prefix and not any(outcome) and not store.entry(version, prefix) and not any(store.entries(version, prefix)):
            raise no_entry(prefix, version.qualified_name)
        return str(folder if root is None else root)

    @needs_version
    def checkout(self, version: Version, root: StrPath | None = None) -> str:
        """Make a folder equal to the artifact: download it, and delete files that it does not have; return the folder.

        The default is `./artifacts/animals`. Raises what `download` raises, or `UnsafeRoot` if the store is in the
        folder.
        """
        store = self._open_store()
        folder = Path(root) if root is not None else download_root.of_checkout(store, version)
        written = self.download(folder)
        store.remove_strays(version, folder)
        return written

    @needs_version
    def verify(self, version: Version, root: StrPath | None = None) -> None:
        """Compare a downloaded folder with the artifact. References are not compared.

        Raises `DownloadMissing` for a file that is not there, or `DownloadDiffers` for one that has other content or
        that the artifact does not have.
        """
        store = self._open_store()
        folder = Path(root) if root is not None else download_root.of_version(store, version, version, claim=False)
        result = store.compare(version, folder)
        if result.strays:
            raise DownloadDiffers(
                f"Found file {str(folder / result.strays[0])!r} which is not a member of artifact {version.name}"
                f"{_and_more(result.strays)}: remove it, or use checkout"
            )
        if result.missing:
            raise DownloadMissing(
                f"{result.missing[0]!r} of {version.name} is not in {str(folder)!r}{_and_more(result.missing)}: "
                "download it"
            )
        if result.different:
            raise DownloadDiffers(
                f"Digest mismatch for file: {result.different[0]!r} in {str(folder)!r} is not that of {version.name}"
                f"{_and_more(result.different)}: download it again"
            )

    @needs_version
    def file(self, version: Version, root: StrPath | None = None) -> str:
        """Download an artifact that is one file; return the path of the file. Raises `InvalidInput` if it has more."""
        entries = list(self._open_store().pages.entries(version, None, 2))
        if len(entries) != 1:
            raise InvalidInput("This artifact contains more than one file, call `.download()` to get all files")
        return str(Path(self.download(root), entries[0].path))


def _and_more(paths: list[str]) -> str:
    return f" (and {len(paths) - 1:,} more)" if len(paths) > 1 else ""
