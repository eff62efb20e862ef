"""The page of the registry: what is linked where, under which aliases, and who moved them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from artstore.core.names import LATEST, REGISTRY
from artstore.core.versions import Version
from artstore.store import Store
from artstore.web import facts, links
from artstore.web.page import Page, Query

_COLLECTIONS = 50
_LINKS = 10
"""The newest links of each collection that are shown, and those with an alias among them."""
_CHANGES = 5
_IN_USE = 8


def registry(store: Store, request: Request) -> Page:
    """Show the collections of links, each with its newest links."""
    query = Query(request)
    after = query.number("after", 0)
    found = store.browse.collections(after=after, count=_COLLECTIONS, only_links=True)
    collections = [
        {
            "project": overview.collection.project,
            "registry": overview.collection.project.removeprefix(REGISTRY),
            "name": overview.collection.name,
            "type": overview.collection.type,
            "description": overview.collection.description,
            "count": overview.versions,
            "href": links.collection(overview.collection.project, overview.collection.name),
            "links": [
                _link(store, version)
                for version in store.pages.versions(
                    overview.collection.name, project=overview.collection.project, count=_LINKS
                )
            ],
        }
        for overview in found
    ]
    more = query.changed(after=after + _COLLECTIONS) if len(found) == _COLLECTIONS else None
    return Page("registry.html", "Registry", {"collections": collections, "next": more})


def in_use(store: Store) -> list[dict[str, Any]]:
    """Return links with aliases of their own, such as `production`: of the first collections of links, by name."""
    found = store.browse.collections(count=_IN_USE, only_links=True)
    shown = [
        {"name": overview.collection.name, "project": overview.collection.project, **_link(store, version)}
        for overview in found
        for version in store.pages.versions(overview.collection.name, project=overview.collection.project, count=_LINKS)
        if version.link and set(version.link.aliases) - {LATEST}
    ]
    return shown[:_IN_USE]


def changes(store: Store, version: Version) -> list[dict[str, Any]]:
    """Return the newest changes of aliases of a version and of its links, in words."""
    return [
        {
            "at": change.at,
            "user": change.user,
            "what": f"{change.action} {change.alias}" if change.alias else change.action,
            "before": change.before,
            "name": change.name,
        }
        for change in store.label_changes(version)
        if change.alias != LATEST
    ][:_CHANGES]


def _link(store: Store, version: Version) -> dict[str, Any]:
    here = version.link or version
    return {
        "number": here.number,
        "aliases": list(here.aliases),
        "source": facts.version(version),
        "href": links.version(here.project, here.collection, here.number),
        "changes": changes(store, version),
    }
