"""Edit what may change after a commit: aliases, tags, description, metadata and ttl of a version, links, collections.

The content of a version never changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import Enum
from typing import Any

from artstore.catalog import aliases as alias_rows
from artstore.catalog import collections, events, labels, links, registries, versions
from artstore.catalog.collections import Collection
from artstore.catalog.connection import Connection
from artstore.catalog.repository import Repository
from artstore.core import names
from artstore.core.draft import check_description, check_metadata, check_ttl
from artstore.core.versions import LabelChange, Link, Version
from artstore.errors import InvalidInput, InvalidName, NotFound
from artstore.runtime import environment


class Unset(Enum):
    """Marks an argument that was not given, where None is a value."""

    UNSET = "unset"


UNSET = Unset.UNSET


def describe(
    repository: Repository,
    version: Version,
    *,
    description: str | Unset | None = UNSET,
    metadata: dict[str, Any] | Unset | None = UNSET,
    ttl: timedelta | Unset | None = UNSET,
    add_aliases: Iterable[str] = (),
    remove_aliases: Iterable[str] = (),
    add_tags: Iterable[str] = (),
    remove_tags: Iterable[str] = (),
    force: bool = False,
) -> Version:
    """Make all these changes to a version or none of them; return the version as it is then.

    Raises `NotFound` if the version was deleted or has no such alias or tag, `ProtectedAlias` if one is protected and
    `force` is not set, `InvalidName` or `InvalidInput`.
    """
    add_aliases, add_tags = [names.alias(alias) for alias in add_aliases], [names.tag(tag) for tag in add_tags]
    remove_aliases, remove_tags = list(remove_aliases), list(remove_tags)
    if not isinstance(metadata, Unset):
        check_metadata(metadata)
    if isinstance(description, str):
        check_description(description)
    if isinstance(ttl, timedelta):
        check_ttl(ttl)
    with repository.db.writing() as connection:
        if not versions.exists(connection, version.id):
            raise NotFound(f"{version.name} was deleted: use another version")
        before = versions.by_id(connection, version.id, labels=False)
        known = repository.known_labels.take(connection, version)
        _set_description(connection, before, description, {} if metadata is None else metadata)
        if not isinstance(ttl, Unset):
            set_ttl(connection, before, ttl)
        _change_aliases(connection, version, add_aliases, remove_aliases, force=force)
        tag_version(connection, before, add_tags)
        for tag in remove_tags:
            if not alias_rows.remove_tag(connection, version.id, tag):
                raise NotFound(f"{version.name} has no tag {tag!r}: see `artstore show {version.name}`")
            events.record(connection, "tag-removed", before.qualified_name, tag=tag)
        labels.change(known.of_link if version.link else known.aliases, add_aliases, remove_aliases)
        labels.change(known.tags, add_tags, remove_tags)
        after, head = labels.version_with(connection, version, known), events.head(connection)
    repository.known_labels.keep(version, head, known)
    return after


def _set_description(
    connection: Connection,
    before: Version,
    description: str | Unset | None,
    metadata: dict[str, Any] | Unset,
) -> None:
    changes: dict[str, Any] = {}
    if not isinstance(description, Unset) and description != before.description:
        changes["description"] = description
    if not isinstance(metadata, Unset) and events.canonical_json(metadata) != events.canonical_json(before.metadata):
        changes["metadata"] = metadata
    if changes:
        versions.update(connection, before.id, changes)
        events.record(connection, "version-described", before.qualified_name, **changes)


def set_ttl(connection: Connection, version: Version, ttl: timedelta | None) -> None:
    """Set the time to live of a version and record the change, if it is one. None keeps the version for good."""
    if ttl != version.ttl:
        versions.set_ttl(connection, version.id, ttl)
        seconds = None if ttl is None else ttl.total_seconds()
        events.record(connection, "ttl-set", version.qualified_name, seconds=seconds)


def _change_aliases(
    connection: Connection, version: Version, add: list[str], remove: list[str], *, force: bool
) -> None:
    if version.link is not None:
        _change_aliases_of_link(connection, version, add, remove, force=force)
        return
    for alias in add:
        set_alias(connection, version, alias, force=force)
    collection = collections.id_of_version(connection, version.id)
    for alias in remove:
        _check_removable(alias)
        if not force:
            alias_rows.check_unprotected(connection, collection, alias)
        if not alias_rows.remove(connection, version.id, alias):
            raise _no_alias(version, alias)
        events.record(connection, "alias-removed", version.qualified_name, alias=alias, by=environment.user())


def _change_aliases_of_link(
    connection: Connection, version: Version, add: list[str], remove: list[str], *, force: bool
) -> None:
    assert version.link is not None
    link = links.by_id(connection, version.link.id, labels=False).link
    portfolio = collections.get(connection, link.project, link.collection)
    for alias in remove:
        _check_removable(alias)
        if links.id_by_alias(connection, portfolio.id, alias) != link.id:
            raise _no_alias(version, alias)
        if not force:
            alias_rows.check_unprotected(connection, portfolio.id, alias)
    _set_link_aliases(connection, portfolio.id, link.id, add, force=force)
    links.remove_aliases(connection, link.id, remove)
    for alias in add:
        events.record(connection, "alias-set", _link_name(link), alias=alias, by=environment.user())
    for alias in remove:
        events.record(connection, "alias-removed", _link_name(link), alias=alias, by=environment.user())


def _link_name(link: Link) -> str:
    return f"{link.project}/{link.collection}:v{link.number}"


def _set_link_aliases(
    connection: Connection, portfolio: int, link: int, aliases: Iterable[str], *, force: bool
) -> None:
    for alias in aliases if not force else ():
        if links.id_by_alias(connection, portfolio, alias) != link:
            alias_rows.check_unprotected(connection, portfolio, alias)
    links.move_aliases(connection, portfolio, link, aliases)


def _check_removable(alias: str) -> None:
    if alias == names.LATEST:
        raise InvalidName("the alias 'latest' follows the newest version by itself: it cannot be removed")


def _no_alias(version: Version, alias: str) -> NotFound:
    return NotFound(f"{version.name} has no alias {alias!r}: see `artstore show {version.name}`")


def set_alias(connection: Connection, version: Version, alias: str, *, force: bool = False) -> None:
    """Point an alias at a version and record the change, if it is one. Raises `ProtectedAlias` without `force`."""
    collection = collections.id_of_version(connection, version.id)
    before = alias_rows.move(connection, collection, alias, version.id)
    if before != version.id:
        if not force:
            alias_rows.check_unprotected(connection, collection, alias)
        was = None if before is None else versions.by_id(connection, before, labels=False).name
        events.record(connection, "alias-set", version.qualified_name, alias=alias, before=was, by=environment.user())


def tag_version(connection: Connection, version: Version, tags: Iterable[str]) -> None:
    """Tag a version and record the tags that it did not have."""
    for tag in tags:
        if alias_rows.add_tag(connection, version.id, tag):
            events.record(connection, "tag-added", version.qualified_name, tag=tag)


def link(
    repository: Repository,
    version: Version,
    project: str,
    collection: str,
    aliases: Iterable[str] = (),
    *,
    force: bool = False,
) -> Version:
    """Link a version to another collection, of links; return it as it is found there.

    Linking it there again only sets the aliases. Raises `NotFound` if it was deleted, `ProtectedAlias` without `force`,
    and `WrongType` or `InvalidInput` if the name is taken by another kind of collection.
    """
    names.collection(collection, names.project(project))
    aliases = [names.alias(alias) for alias in dict.fromkeys(aliases)]
    with repository.db.writing() as connection:
        if not versions.exists(connection, version.id):
            raise NotFound(f"{version.name} was deleted: link another version")
        registries.check_accepts(connection, project, version.type)
        portfolio, is_new = collections.find_or_create(connection, project, collection, version.type, portfolio=True)
        if is_new:
            subject = f"{project}/{collection}"
            events.record(connection, "collection-created", subject, type=version.type, portfolio=True)
        id, is_new_link = links.add(connection, portfolio.id, version.id)
        _set_link_aliases(connection, portfolio.id, id, aliases, force=force)
        linked = links.by_id(connection, id)
        if is_new_link or aliases:
            events.record(
                connection,
                "version-linked",
                _link_name(linked.link),
                version=f"{version.project}/{version.collection}:v{version.number}",
                aliases=aliases,
                by=environment.user(),
            )
        return versions.by_link(connection, linked)


def unlink(repository: Repository, wanted: Iterable[Version], *, force: bool = False) -> None:
    """Remove the links by which versions were found, all of them or none. The versions stay.

    Raises `ProtectedAlias` if a link has one and `force` is not set, and `InvalidInput` for a version that was not
    found by a link.
    """
    with repository.db.writing() as connection:
        for version in wanted:
            remove_link(connection, version, force=force)


def remove_link(connection: Connection, version: Version, *, force: bool) -> None:
    """Remove the link by which a version was found. Raises what `unlink` raises."""
    link = version.link
    if link is None:
        raise InvalidInput(f"{version.name} is not a link: delete the version itself, or unlink where it is linked")
    portfolio = collections.get(connection, link.project, link.collection)
    for alias in links.by_id(connection, link.id).link.aliases if not force else ():
        alias_rows.check_unprotected(connection, portfolio.id, alias)
    if links.remove(connection, link.id):
        events.record(
            connection,
            "version-unlinked",
            _link_name(link),
            version=version.qualified_name,
            by=environment.user(),
        )


def links_of(repository: Repository, version: Version) -> list[Version]:
    """Return the links to a version, each as the version found there."""
    with repository.db.reading() as connection:
        return [versions.by_link(connection, linked) for linked in links.of_version(connection, version.id)]


def label_changes(repository: Repository, version: Version) -> list[LabelChange]:
    """Return who set and removed the aliases of a version, linked it and moved the aliases of its links.

    The newest change is first. `latest` moves by itself and is not in it.
    """
    with repository.db.reading() as connection:
        shown = {_link_name(row.link): row.link.created_at for row in links.of_version(connection, version.id)}
        return events.label_changes(connection, {version.qualified_name: version.created_at, **shown})


def describe_collection(
    repository: Repository,
    project: str,
    name: str,
    *,
    new_name: str | None = None,
    type: str | None = None,
    description: str | None = None,
    tags: Iterable[str] | None = None,
    protected_aliases: Iterable[str] | None = None,
) -> Collection:
    """Rename a collection, or set its type, description, tags or protected aliases; return it as it is then.

    Raises `NotFound`, `InvalidName`, or `InvalidInput` if the name is taken, or the type is to be changed of a
    collection that has links or whose versions are linked.
    """
    given = {
        "name": new_name,
        "description": description,
        "tags": None if tags is None else [names.tag(tag) for tag in tags],
        "protected_aliases": None if protected_aliases is None else _checked_aliases(protected_aliases),
    }
    changes = {field: value for field, value in given.items() if value is not None}
    new_name = names.collection(name if new_name is None else new_name, project)
    with repository.db.writing() as connection:
        collection = collections.get(connection, project, name)
        if new_name != name and collections.find(connection, project, new_name) is not None:
            raise InvalidInput(f"there is an artifact {new_name!r} in project {project!r} already: choose another name")
        if type is not None and type != collection.type:
            _check_new_type(connection, collection, type)
            changes["type"] = type
        collections.update(connection, collection.id, changes)
        events.record(connection, "collection-described", f"{project}/{name}", **changes)
        return collections.get(connection, project, new_name)


def _check_new_type(connection: Connection, collection: Collection, type: str) -> None:
    if collection.portfolio:
        raise InvalidInput(
            f"{collection.name} shows linked versions, whose type it has: change that of their collection"
        )
    # Neither from nor to a type that only artstore gives.
    names.user_type(collection.name, collection.type)
    names.user_type(collection.name, type)
    shown = links.of_source(connection, collection.id)
    if shown is not None:
        raise InvalidInput(
            f"{collection.name} stays of type {collection.type!r}, as {_link_name(shown.link)} shows one of its "
            "versions: unlink that first"
        )


def _checked_aliases(aliases: Iterable[str]) -> list[str]:
    return [names.alias(alias) for alias in sorted(set(aliases))]
