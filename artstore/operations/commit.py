"""From a draft to a version: one transaction that publishes, cuts, numbers and names, or leaves all as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple, TypeVar

from artstore.catalog import collections, events, manifest_edits, needed, runs, stat_cache, versions
from artstore.catalog.collections import Collection
from artstore.catalog.connection import Connection
from artstore.catalog.db import Db
from artstore.catalog.manifest_edits import EditBuilder
from artstore.catalog.reclaim import Freed
from artstore.catalog.timestamps import now
from artstore.catalog.versions import NewVersion
from artstore.core import names
from artstore.core.draft import Draft, check_description, check_metadata
from artstore.core.manifest import version_digest
from artstore.core.versions import Version
from artstore.errors import NotFound, StoreError
from artstore.ingest.content_writer import ContentWriter
from artstore.operations.edit import add_tags_to, set_alias
from artstore.operations.reclaim_space import sweep
from artstore.runtime import pause_gc
from artstore.runtime.sqlite_errors import translate_sqlite_errors
from artstore.storage.packs import Packs

Result = TypeVar("Result")


class Overtaken(Exception):
    """Another version came between a draft that follows the newest version and its commit."""


class Cut(NamedTuple):
    """The manifest of a draft, cut, and what it sums up to."""

    builder: EditBuilder
    content: NewVersion


def commit(
    db: Db,
    packs: Packs,
    draft: Draft,
    intake: ContentWriter,
    *,
    aliases: Iterable[str] = (),
    tags: Iterable[str] = (),
    run: int | None = None,
    on_newest: bool = False,
) -> Version:
    """Make a draft the next version of its collection, as the product of a run if given; durable when this returns.

    If it is equal to the newest version, and nothing that was given says otherwise, that version is returned, with
    the aliases, tags and ttl given applied to it. Raises `WrongType` if the collection has another type, `NotFound`
    if the base or a dependency is gone, `Overtaken` if `on_newest` is set and its base is not the newest version.
    """
    aliases = [names.alias(alias) for alias in dict.fromkeys(aliases)]
    tags = [names.tag(tag) for tag in dict.fromkeys(tags)]
    check_metadata(draft.metadata)
    check_description(draft.description)
    with intake.kept():
        parts = cut(db, draft)

        def put(connection: Connection) -> tuple[Version, Freed]:
            version, freed = _commit(db, connection, draft, parts, intake, on_newest=on_newest)
            for alias in aliases:
                set_alias(db, connection, version, alias)
            add_tags_to(db, connection, version, tags)
            if run is not None:
                runs.add_product(connection, run, version.id)
            return versions.by_id(connection, version.id), freed

        return land(db, packs, intake, put)


def land(db: Db, packs: Packs, intake: ContentWriter, put: Callable[[Connection], tuple[Result, Freed]]) -> Result:
    """Bring what was taken in to the disk; then do, in one transaction, what holds it from there on."""
    with intake.kept(), pause_gc.gc_paused():
        with translate_sqlite_errors(db.path):
            intake.make_durable()
        try:
            with db.writing() as connection:
                result, freed = put(connection)
        except BaseException:
            intake.rolled_back()
            raise
        # It is durable: what cannot be tidied now is found by the next delete or gc.
        with suppress(StoreError, OSError):
            intake.ended()
            if freed.chunks or intake.lost:
                sweep(db, packs)
        _remember(db, intake)
        return result


def cut(db: Db, draft: Draft) -> Cut:
    """Cut the manifest of a draft as it stands, and sum it up."""
    base = draft.base.version.id if draft.base else None
    with db.reading() as connection, pause_gc.gc_paused():
        builder = manifest_edits.edit(connection, base, draft.changes)
        manifest = builder.finish()
    content = NewVersion(
        version_digest(db.algorithm, manifest, draft.dependencies),
        manifest,
        sum(group.entries for group in builder.groups),
        sum(group.size for group in builder.groups),
    )
    return Cut(builder, content)


def _commit(
    db: Db, connection: Connection, draft: Draft, parts: Cut, intake: ContentWriter, *, on_newest: bool
) -> tuple[Version, Freed]:
    if on_newest and not _is_on_newest(db, connection, draft):
        raise Overtaken
    if draft.base and not versions.exists(connection, draft.base.version.id):
        raise NotFound(
            f"{draft.base.version.name}, which this draft started from, was deleted: start from a version that lives"
        )
    # The rows that name files come between publishing them and letting go of what the draft held.
    intake.publish(connection)
    needed = versions.dependency_ids(connection, draft.dependencies)
    version, _ = settle(db, connection, draft, parts, intake.ids, needed)
    return version, intake.end(connection)


def _is_on_newest(db: Db, connection: Connection, draft: Draft) -> bool:
    collection = collections.find(connection, draft.project, draft.name)
    newest = versions.newest(connection, collection.id) if collection else None
    return (draft.base.version.id if draft.base else None) == (newest.id if newest else None)


def ensure_collection(db: Db, connection: Connection, draft: Draft) -> Collection:
    """Find or make the collection that a draft is for. Raises `WrongType` or `InvalidInput`."""
    collection, made = collections.find_or_create(connection, draft.project, draft.name, draft.type)
    if made:
        events.record(connection, "collection-created", f"{draft.project}/{draft.name}", type=draft.type)
    return collection


def settle(
    db: Db,
    connection: Connection,
    draft: Draft,
    parts: Cut,
    ids: Mapping[bytes, int],
    dependencies: Iterable[int],
) -> tuple[Version, bool]:
    """Find or add the version that a draft is, whose content is published; tell whether it is a new one."""
    collection = ensure_collection(db, connection, draft)
    newest = versions.newest(connection, collection.id)
    if newest is not None and _is_the_same(connection, draft, parts.content, newest):
        if draft.ttl is not None and draft.ttl != newest.ttl:
            versions.set_ttl(connection, newest.id, draft.ttl)
            seconds = draft.ttl.total_seconds()
            events.record(connection, "ttl-set", newest.qualified_name, seconds=seconds)
        return newest, False
    # What is not given never wipes: of equal content, only what was said anew differs.
    same = newest if newest is not None and newest.digest == parts.content.digest else None
    version = _insert(db, connection, collection, draft, parts, ids, dependencies, same)
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


def _insert(
    db: Db,
    connection: Connection,
    collection: Collection,
    draft: Draft,
    parts: Cut,
    ids: Mapping[bytes, int],
    dependencies: Iterable[int],
    same: Version | None,
) -> Version:
    groups = manifest_edits.store(connection, parts.builder, ids)
    id = versions.insert(
        connection,
        collection.id,
        parts.content,
        groups,
        description=same.description if same and draft.description is None else draft.description,
        metadata=same.metadata if same and draft.metadata is None else draft.metadata,
        ttl=draft.ttl,
        base=draft.base.version.id if draft.base else None,
        prefixes=draft.prefixes,
        dependencies=dependencies,
    )
    return versions.by_id(connection, id)


def _is_the_same(connection: Connection, draft: Draft, content: NewVersion, newest: Version) -> bool:
    """Whether a draft says nothing that the newest version does not say. What is not given is not compared."""
    return (
        content.digest == newest.digest
        and not needed.is_expired(connection, newest.id, now())
        and (draft.metadata is None or events.canonical_json(draft.metadata) == events.canonical_json(newest.metadata))
        and (draft.description is None or draft.description == newest.description)
    )


def _remember(db: Db, intake: ContentWriter) -> None:
    """Note what was read in the stat cache.

    The version is committed already: where that cannot be noted, files are read again.
    """

    def note(connection: Connection) -> None:
        for folder, files in intake.seen.items():
            stat_cache.remember(connection, folder, files, intake.ids)

    if intake.seen:
        db.try_writing(note)
        intake.seen.clear()
