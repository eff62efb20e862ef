"""Commit a draft: one transaction publishes its content, and numbers and names the version, or changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple, TypeVar

from artstore.catalog import collections, events, manifest_edits, needed, runs, stat_cache, versions
from artstore.catalog.collections import Collection
from artstore.catalog.connection import Connection
from artstore.catalog.file_ids import FileIds
from artstore.catalog.manifest_edits import EditBuilder
from artstore.catalog.repository import Repository
from artstore.catalog.timestamps import now
from artstore.catalog.versions import NewVersion
from artstore.core import names
from artstore.core.draft import Draft, check_description, check_metadata
from artstore.core.manifest import version_digest
from artstore.core.versions import Version
from artstore.errors import InvalidInput, NotFound, StoreError
from artstore.ingest.open_draft import OpenDraft
from artstore.operations import edit
from artstore.operations.drafts import rebase_on_newest
from artstore.operations.reclaim_space import reclaim_space
from artstore.runtime import pause_gc
from artstore.runtime.source_file import MAX_INTEGER

Result = TypeVar("Result")


class CommitResult(NamedTuple):
    """The version that a draft became, and whether it is a new one."""

    version: Version
    is_new: bool


class CutManifest(NamedTuple):
    """The manifest of a draft, cut into segments, and its digest and totals."""

    builder: EditBuilder
    new_version: NewVersion


class _NewerVersion(Exception):
    """Another version was committed after the draft was put on top of the newest one."""


def commit(
    repository: Repository,
    opened: OpenDraft,
    *,
    aliases: Iterable[str] = (),
    tags: Iterable[str] = (),
    run: int | None = None,
    step: int | None = None,
    on_newest: bool = False,
) -> CommitResult:
    """Make a draft the next version of its collection, as the product of a run if given; durable when this returns.

    If it equals the newest version in everything that was given, that version is returned, with the given aliases, tags
    and ttl. With `on_newest` the draft is put on top of the newest version, whichever that is at the
    commit. Raises `WrongType` if the collection has another type, `NotFound` if the base or a dependency was deleted,
    or `PathConflict`.
    """
    aliases = [names.alias(alias) for alias in dict.fromkeys(aliases)]
    tags = [names.tag(tag) for tag in dict.fromkeys(tags)]
    check_metadata(opened.draft.metadata)
    check_description(opened.draft.description)
    while True:
        if on_newest:
            rebase_on_newest(repository, opened)
        manifest = cut_manifest(repository, opened.draft)

        def add(connection: Connection, manifest: CutManifest = manifest) -> CommitResult:
            if on_newest and not _is_on_newest(connection, opened.draft):
                raise _NewerVersion
            runs.check_exists(connection, run)
            version, is_new = _add_version(connection, opened, manifest)
            for alias in aliases:
                edit.set_alias(connection, version, alias)
            edit.tag_version(connection, version, tags)
            if run is not None:
                runs.add_product(connection, run, version.id, step=step)
            return CommitResult(versions.by_id(connection, version.id), is_new)

        with suppress(_NewerVersion):
            return commit_content(repository, opened, add)


def commit_content(repository: Repository, opened: OpenDraft, action: Callable[[Connection], Result]) -> Result:
    """Commit the content of a draft in one transaction with the rows that `action` adds, which need it."""
    result, left_garbage = opened.writer.commit(action)
    if left_garbage:
        # The commit is durable: what cannot be reclaimed now is found by the next delete or gc.
        with suppress(StoreError, OSError):
            reclaim_space(repository)
    _remember_files(repository, opened)
    repository.db.keep_reserve()
    return result


def _remember_files(repository: Repository, opened: OpenDraft) -> None:
    """Note in the stat cache what was read. Where that fails, the files are read again the next time."""

    def note(connection: Connection) -> None:
        ids = opened.writer.file_ids
        for folder, parts in opened.seen.items():
            known = (stat_cache.known_files(connection, part.named_stats(), part.digests, ids) for part in parts)
            stat_cache.remember(connection, folder, stat_cache.joined(known))

    if opened.seen:
        repository.db.try_writing(note)
        opened.seen.clear()


def cut_manifest(repository: Repository, draft: Draft) -> CutManifest:
    """Cut the manifest of a draft as it is now."""
    base = draft.base.version.id if draft.base else None
    with repository.db.reading() as connection, pause_gc.gc_paused():
        if draft.new_files is not None:
            builder = manifest_edits.cut(repository.db.algorithm, draft.new_files)
        else:
            builder = manifest_edits.edit(connection, base, draft.changes)
        manifest = builder.finish()
    size = sum(group.size for group in builder.groups)
    if size > MAX_INTEGER:
        raise InvalidInput(f"the references of {draft.name} have {size} bytes by what their servers say: add fewer")
    new_version = NewVersion(
        version_digest(repository.db.algorithm, manifest, draft.dependencies),
        manifest,
        sum(group.entries for group in builder.groups),
        size,
    )
    return CutManifest(builder, new_version)


def _is_on_newest(connection: Connection, draft: Draft) -> bool:
    collection = collections.find(connection, draft.project, draft.name)
    newest = versions.newest(connection, collection.id, labels=False) if collection else None
    return (draft.base.version.id if draft.base else None) == (newest.id if newest else None)


def _add_version(connection: Connection, opened: OpenDraft, manifest: CutManifest) -> tuple[Version, bool]:
    draft = opened.draft
    if draft.base and not versions.exists(connection, draft.base.version.id):
        raise NotFound(
            f"{draft.base.version.name}, which this draft started from, was deleted: start from another version"
        )
    dependencies = versions.dependency_ids(connection, draft.dependencies)
    return find_or_add_version(connection, draft, manifest, opened.writer.file_ids, dependencies)


def ensure_collection(connection: Connection, draft: Draft) -> Collection:
    """Find or create the collection of a draft. Raises `WrongType` or `InvalidInput`."""
    collection, is_new = collections.find_or_create(connection, draft.project, draft.name, draft.type)
    if is_new:
        events.record(connection, "collection-created", f"{draft.project}/{draft.name}", type=draft.type)
    return collection


def find_or_add_version(
    connection: Connection,
    draft: Draft,
    manifest: CutManifest,
    file_ids: FileIds,
    dependencies: Iterable[int],
) -> tuple[Version, bool]:
    """Find or add the version that a draft is, whose content is published, without labels; and whether it is new.

    `file_ids` are ids of stored files as far as they are known, `dependencies` the ids of versions.
    """
    collection = ensure_collection(connection, draft)
    newest = versions.newest(connection, collection.id, labels=False)
    if newest is not None and _is_same(connection, draft, manifest.new_version, newest):
        if draft.ttl is not None:
            edit.set_ttl(connection, newest, draft.ttl)
        return newest, False
    # A description or metadata that was not given is kept from a version of equal content, never wiped.
    same = newest if newest is not None and newest.digest == manifest.new_version.digest else None
    id = versions.insert(
        connection,
        collection.id,
        manifest.new_version,
        manifest_edits.store(connection, manifest.builder, file_ids),
        description=same.description if same and draft.description is None else draft.description,
        metadata=same.metadata if same and draft.metadata is None else draft.metadata,
        ttl=draft.ttl,
        base=draft.base.version.id if draft.base else None,
        prefixes=draft.prefixes,
        dependencies=dependencies,
    )
    version = versions.by_id(connection, id, labels=False)
    events.record(
        connection,
        "version-committed",
        version.qualified_name,
        digest=version.digest,
        entries=version.entries,
        size=version.size,
        type=version.type,
    )
    return version, True


def _is_same(connection: Connection, draft: Draft, new_version: NewVersion, newest: Version) -> bool:
    """Whether a draft equals the newest version in everything that was given."""
    return (
        new_version.digest == newest.digest
        and not needed.is_expired(connection, newest.id, now())
        and (draft.metadata is None or events.canonical_json(draft.metadata) == events.canonical_json(newest.metadata))
        and (draft.description is None or draft.description == newest.description)
    )
