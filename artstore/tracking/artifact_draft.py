"""The draft of an artifact: files, folders and references are added to it and removed from it.

Everything is stored at the moment it is added: in the store of the open run, or in the one that `location` finds.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from artstore.core import names
from artstore.core.draft import Draft
from artstore.core.versions import Version
from artstore.errors import InvalidInput, PathConflict, SourceMissing
from artstore.runtime import secrets, terminal
from artstore.runtime.arguments import checked
from artstore.tracking.artifact_download import ArtifactDownload
from artstore.tracking.artifact_state import ArtifactState, needs_draft
from artstore.tracking.entries import ArtifactEntries, ArtifactEntry, ReservedFile

if TYPE_CHECKING:
    from artstore.tracking.artifact import Artifact

_ARTIFACT_SCHEMES = ("wandb-artifact://", "wandb-client-artifact://")
StrPath: TypeAlias = str | os.PathLike[str]


@checked
class ArtifactDraft(ArtifactDownload):
    """The part of `Artifact` that needs a draft."""

    @needs_draft
    def add_file(
        self,
        draft: Draft,
        local_path: StrPath,
        name: str | None = None,
        is_tmp: bool = False,
        skip_cache: bool = False,
        policy: str | None = "mutable",
        overwrite: bool = False,
    ) -> ArtifactEntry:
        """Add a file as it is now, under its own name or another; return its entry.

        >>> artifact.add_file("labels.csv", name="meta/labels.csv")

        With `is_tmp` the name begins with the digest of the content. Raises `SourceMissing` or another `SourceError`
        if the file cannot be read, `InvalidPath` for a name that cannot be a path in an artifact, or `PathConflict` if
        something else is at that path and `overwrite` is not set.
        """
        _check_policy(policy)
        if not os.path.isfile(local_path):
            raise SourceMissing(
                errno.ENOENT, f"Path is not a file: {str(local_path)!r} (a folder is added with add_dir)"
            )
        path, name = Path(local_path), name or None
        with self._lock:
            if is_tmp:
                name = self._name_by_content(path, name)
            entry = self._open_store().add_file(draft, path, name, overwrite=overwrite, progress=terminal.progress())
        self._added[os.path.abspath(local_path)] = entry.path
        return ArtifactEntry(entry, self, str(local_path))

    def _name_by_content(self, path: Path, name: str | None) -> str:
        scratch = Draft(self._bare_name, self.type)
        entry = self._open_store().add_file(scratch, path, name)
        folder, _, last = entry.path.rpartition("/")
        digest = (entry.digest or "").partition(":")[2][:20]
        renamed = ".".join([digest, *last.split(".")[1:]])
        return f"{folder}/{renamed}" if folder else renamed

    @needs_draft
    def add_dir(
        self,
        draft: Draft,
        local_path: StrPath,
        name: str | None = None,
        skip_cache: bool = False,
        policy: str | None = "mutable",
        merge: bool = False,
    ) -> None:
        """Add a folder with everything in it as it is now, below `name` if given.

        >>> artifact.add_dir("images", name="train")

        A store in the folder is left out. Raises `SourceError` if something cannot be read, `InvalidPath` for a name
        that cannot be a path in an artifact, or `PathConflict` if something else is at one of the paths and `merge` is
        not set; nothing is added then.
        """
        _check_policy(policy)
        if not os.path.isdir(local_path):
            raise InvalidInput(f"Path is not a directory: {str(local_path)!r} (a file is added with add_file)")
        with self._lock:
            self._open_store().add_dir(draft, local_path, name, overwrite=merge, progress=terminal.progress())
        self._added[os.path.abspath(local_path) + os.sep] = names.entry_path(name) + "/" if name else ""

    @needs_draft
    def new_file(
        self, draft: Draft, name: str, mode: str = "x", encoding: str | None = None, policy: str = "mutable"
    ) -> ReservedFile:
        """Open a file in the artifact for writing.

        >>> with artifact.new_file("notes.txt") as file:
        ...     file.write("hello")

        Without `with`, it adds an empty file. If the block fails, the artifact is as it was. Raises `PathConflict` if
        there is a file of that name already, unless the mode is `w`.
        """
        _check_policy(policy)
        path = names.entry_path(name)
        before = draft.find(path)
        if before is not None and "x" in mode:
            raise PathConflict(f"File with name {path!r} already exists in {draft.name}: use mode='w' to replace it")
        self._open_store().add_bytes(draft, b"", path, overwrite=True)

        def undo() -> None:
            with self._lock:
                draft.remove(path)
                if before is not None:
                    draft.add(before)

        return ReservedFile(mode, encoding, lambda written: self.add_file(written, path, overwrite=True), undo)

    @needs_draft
    def add_reference(
        self,
        draft: Draft,
        uri: str | ArtifactEntry | Artifact,
        name: StrPath | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
        *,
        storage_options: Mapping[str, Any] | None = None,
    ) -> Sequence[ArtifactEntry]:
        """Reference something that stays elsewhere: an object, a prefix, another artifact or an entry of one.

        >>> artifact.add_reference("s3://bucket/images/", name="images", max_objects=1_000_000)
        >>> artifact.add_reference(run.use_artifact("labels:v3"))

        An object is added under the last part of its URI, or under `name`; objects below a prefix under what follows
        the prefix, below `name` if given. Etag, version and size are recorded, and nothing is copied. With
        `checksum=False` only the URI is stored. `storage_options` are passed to the file system of fsspec, and are
        not stored.

        An artifact that is referenced cannot be deleted while a version of this one exists. An entry of another
        artifact is added under `name` or its own path, and takes no space. Both can also be given by a URL such as
        `wandb-artifact://local/zoo/animals:v0/cat.png`, which is what `ArtifactEntry.ref_url` returns.

        Raises `TooManyObjects` for more than `max_objects` (10,000) objects, `ReferenceGone` if the object does not
        exist, or `PathConflict`; nothing is added then.
        """
        target: object = uri
        if isinstance(uri, str) and uri.startswith(_ARTIFACT_SCHEMES):
            target = self._find_by_url(uri, draft)
        if isinstance(target, ArtifactState):
            draft.depend_on(self._version_in_same_store(target))
            return []
        if isinstance(target, ArtifactEntry):
            return [self._add_entry(draft, target, target.path if name is None else str(name))]
        if not isinstance(uri, str) or "://" not in uri:
            raise InvalidInput(
                f"References must be URIs. To reference a local file, use file:// (and not {secrets.shown(uri)!r})"
            )
        with self._lock:
            added = self._open_store().add_reference(
                draft,
                uri,
                None if name is None else str(name),
                checksum=checksum,
                max_objects=max_objects,
                storage_options=storage_options,
                progress=terminal.progress(),
            )
        return ArtifactEntries(added, self)

    def _add_entry(self, draft: Draft, entry: ArtifactEntry, path: str) -> ArtifactEntry:
        other = entry.parent_artifact()
        assert isinstance(other, ArtifactState)
        version = self._version_in_same_store(other)
        return ArtifactEntry(self._open_store().add_entry(draft, entry._entry, version, path), self)

    def _find_by_url(self, url: str, draft: Draft) -> Self | ArtifactEntry:
        """Return the artifact, or the entry of one, that a `wandb-artifact://` URL names."""
        name, separator, rest = url.partition("://")[2].partition(":")
        label, _, path = rest.partition("/")
        if not separator:
            raise InvalidInput(
                f"{url!r} does not name an artifact of this store: expected "
                "wandb-artifact://project/name:alias/path; or pass the artifact, or its entry, itself"
            )
        store = self._open_store()
        artifact = self._from_version(store, store.version(f"{name}:{label}", project=draft.project))
        return artifact.get_entry(path) if path else artifact

    def _version_in_same_store(self, other: ArtifactState) -> Version:
        version = other._require_version("add_reference")
        mine, theirs = self._open_store().path, other._open_store().path
        if theirs != mine:
            raise InvalidInput(
                f"{other.name} is in the store {theirs}, and this artifact in {mine}: reference artifacts of one store"
            )
        return version

    @needs_draft
    def remove(self, draft: Draft, item: StrPath | ArtifactEntry) -> None:
        """Remove an entry, or everything below a folder. Raises `NoEntry` if there is neither at that path."""
        with self._lock:
            draft.remove(item.path if isinstance(item, ArtifactEntry) else os.fspath(item))

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """Return the path in the artifact of a local file that was added; None if it was not added."""
        path = os.path.abspath(local_path)
        if path in self._added:
            return self._added[path]
        for folder, prefix in self._added.items():
            if folder.endswith(os.sep) and path.startswith(folder):
                inside = prefix + path[len(folder) :].replace(os.sep, "/")
                if self._has(inside):
                    return inside
        return None

    def _has(self, path: str) -> bool:
        draft = self._draft
        if draft is not None:
            return draft.find(path) is not None
        return self._open_store().entry(self._require_version("get_entry"), path) is not None

    def finalize(self) -> None:
        """Refuse all further additions, as logging does."""
        self._finalized = True


def _check_policy(policy: str | None) -> None:
    if policy not in (None, "mutable", "immutable"):
        raise InvalidInput(f"Invalid policy {policy!r}. Policy may only be `mutable` or `immutable`.")
