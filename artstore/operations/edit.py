"""What people say of a version after it was committed: aliases, tags, description, metadata, ttl, and links to it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import Enum
from typing import Any

from artstore.catalog import aliases as alias_rows
from artstore.catalog import collections, events, links, versions
from artstore.catalog.connection import Connection
from artstore.catalog.db import Db
from artstore.core import names
from artstore.core.draft import check_description, check_metadata, check_ttl
from artstore.core.versions import Link, Version
from artstore.errors import InvalidInput, InvalidName, NotFound


class Unset(Enum):
    """Marks an argument that was not given, where None is a value."""

    UNSET = "unset"


UNSET = Unset.UNSET


def describe(
    db: Db,
    version: Version,
    *,
    description: str | Unset | None = UNSET,
    metadata: dict[str, Any] | Unset = UNSET,
    ttl: timedelta | Unset | None = UNSET,
    add_aliases: Iterable[str] = (),
    remove_aliases: Iterable[str] = (),
    add_tags: Iterable[str] = (),
    remove_tags: Iterable[str] = (),
    force: bool = False,
) -> Version:
    """Change what is said of a version, all of it or nothing; return it as it is then.

    Raises `NotFound` if the version was deleted or has no such alias or tag, `ProtectedAlias` if one is protected and
    `force` is not set, `InvalidName` or `InvalidInput`.
    """
    add_aliases, add_tags = [names.alias(each) for each in add_aliases], [names.tag(each) for each in add_tags]
    if not isinstance(metadata, Unset):
        check_metadata(metadata)
    if isinstance(description, str):
        check_description(description)
    if isinstance(ttl, timedelta):
        check_ttl(ttl)
    with db.writing() as connection:
        if not versions.exists(connection, version.id):
            raise NotFound(f"{version.name} was deleted: use a version that lives")
        before = versions.by_id(connection, version.id)
        _set_texts(db, connection, before, description, metadata)
        if not isinstance(ttl, Unset) and ttl != before.ttl:
            versions.set_ttl(connection, version.id, ttl)
            seconds = None if ttl is None else ttl.total_seconds()
            events.record(connection, "ttl-set", before.qualified_name, seconds=seconds)
        _change_aliases(db, connection, version, add_aliases, list(remove_aliases), force=force)
        add_tags_to(db, connection, before, add_tags)
        for tag in remove_tags:
            if not alias_rows.remove_tag(connection, version.id, tag):
                raise NotFound(f"{version.name} has no tag {tag!r}: see `artstore show {version.name}`")
            events.record(connection, "tag-removed", before.qualified_name, tag=tag)
        return again(db, connection, version)


def again(db: Db, connection: Connection, version: Version) -> Version:
    """A version as it is now, found in the same way."""
    if version.link is not None:
        return versions.by_link(connection, links.by_id(connection, version.link.id))
    return versions.by_id(connection, version.id)


def _set_texts(
    db: Db,
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


def _change_aliases(
    db: Db, connection: Connection, version: Version, add: list[str], remove: list[str], *, force: bool
) -> None:
    if version.link is not None:
        _change_aliases_of_link(db, connection, version, add, remove, force=force)
        return
    for alias in add:
        set_alias(db, connection, version, alias, force=force)
    for alias in remove:
        _check_removable(alias)
        if not force:
            alias_rows.check_unprotected(
                connection, collections.get(connection, version.project, version.collection).id, alias
            )
        if not alias_rows.remove(connection, version.id, alias):
            raise _no_alias(version, alias)
        events.record(connection, "alias-removed", version.qualified_name, alias=alias)


def _change_aliases_of_link(
    db: Db, connection: Connection, version: Version, add: list[str], remove: list[str], *, force: bool
) -> None:
    assert version.link is not None
    link = links.by_id(connection, version.link.id).link
    portfolio = collections.get(connection, link.project, link.collection)
    for alias in remove:
        _check_removable(alias)
        if alias not in link.aliases:
            raise _no_alias(version, alias)
        if not force:
            alias_rows.check_unprotected(connection, portfolio.id, alias)
    _set_link_aliases(connection, portfolio.id, link.id, add, force=force)
    links.remove_aliases(connection, link.id, remove)
    subject = f"{link.project}/{link.collection}:v{link.number}"
    for alias in add:
        events.record(connection, "alias-set", subject, alias=alias)
    for alias in remove:
        events.record(connection, "alias-removed", subject, alias=alias)


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


def set_alias(db: Db, connection: Connection, version: Version, alias: str, *, force: bool = False) -> None:
    """Point an alias at a version, and log it if that changes anything. Raises `ProtectedAlias` without `force`."""
    collection = collections.get(connection, version.project, version.collection)
    before = alias_rows.move(connection, collection.id, alias, version.id)
    if before != version.id:
        if not force:
            alias_rows.check_unprotected(connection, collection.id, alias)
        was = None if before is None else versions.by_id(connection, before).name
        events.record(connection, "alias-set", version.qualified_name, alias=alias, before=was)


def add_tags_to(db: Db, connection: Connection, version: Version, tags: Iterable[str]) -> None:
    """Tag a version, and log what that changes."""
    for tag in tags:
        if alias_rows.add_tag(connection, version.id, tag):
            events.record(connection, "tag-added", version.qualified_name, tag=tag)


def link(
    db: Db, version: Version, project: str, collection: str, aliases: Iterable[str] = (), *, force: bool = False
) -> Version:
    """Show a version under another name; return it as it is found there.

    Linking it there again only sets the aliases. Raises `NotFound` if it was deleted, `ProtectedAlias` without `force`,
    `WrongType` or `InvalidInput` if the name is taken by something else.
    """
    names.project(project)
    names.collection(collection)
    aliases = [names.alias(alias) for alias in dict.fromkeys(aliases)]
    with db.writing() as connection:
        if not versions.exists(connection, version.id):
            raise NotFound(f"{version.name} was deleted: link a version that lives")
        portfolio, made = collections.find_or_create(connection, project, collection, version.type, portfolio=True)
        subject = f"{project}/{collection}"
        if made:
            events.record(connection, "collection-created", subject, type=version.type, portfolio=True)
        id, new = links.add(connection, portfolio.id, version.id)
        _set_link_aliases(connection, portfolio.id, id, aliases, force=force)
        found = links.by_id(connection, id)
        if new or aliases:
            events.record(
                connection,
                "version-linked",
                f"{subject}:v{found.link.number}",
                version=f"{version.project}/{version.collection}:v{version.number}",
                aliases=aliases,
            )
        return versions.by_link(connection, found)


def unlink(db: Db, wanted: Iterable[Version], *, force: bool = False) -> None:
    """Take away the links by which versions were found, all of them or none. The versions themselves stay.

    Raises `ProtectedAlias` if a link has one and `force` is not set, `InvalidInput` if one was found by no link.
    """
    with db.writing() as connection:
        for version in wanted:
            if version.link is None:
                raise InvalidInput(
                    f"{version.name} is no link: delete the version itself, or unlink where it is linked"
                )
            _unlink(db, connection, version, version.link, force=force)


def _unlink(db: Db, connection: Connection, version: Version, link: Link, *, force: bool) -> None:
    portfolio = collections.get(connection, link.project, link.collection)
    for alias in links.by_id(connection, link.id).link.aliases if not force else ():
        alias_rows.check_unprotected(connection, portfolio.id, alias)
    if links.remove(connection, link.id):
        subject = f"{link.project}/{link.collection}:v{link.number}"
        events.record(connection, "version-unlinked", subject, version=version.qualified_name)


def describe_collection(db: Db, project: str, name: str, changes: dict[str, Any]) -> collections.Collection:
    """Rename a collection, or set its description, tags or protected aliases.

    Raises `NotFound`, `InvalidName` or `InvalidInput`.
    """
    new_name = changes.get("name", name)
    names.collection(new_name)
    for tag in changes.get("tags", ()):
        names.tag(tag)
    for alias in changes.get("protected_aliases", ()):
        names.alias(alias)
    with db.writing() as connection:
        found = collections.get(connection, project, name)
        if new_name != name and collections.find(connection, project, new_name) is not None:
            raise InvalidInput(f"there is an artifact {new_name!r} in project {project!r} already: choose another name")
        collections.update(connection, found.id, changes)
        events.record(connection, "collection-described", f"{project}/{name}", **changes)
        return collections.get(connection, project, new_name)
