"""The first page: what the store contains and what happened last; and the page of a search."""

from __future__ import annotations

from starlette.requests import Request

from artstore.core.versions import Version
from artstore.errors import InvalidInput, NotFound
from artstore.store import Store
from artstore.web import facts, links, registry
from artstore.web.page import Page, Query

_LATEST = 8


def home(store: Store, request: Request) -> Page:
    """Show the types of artifacts, the latest runs and versions, what is in use by the registry, and the space."""
    data = {
        "types": [count._asdict() for count in store.browse.types()],
        "projects": store.projects(),
        "run_count": store.runs.count(),
        "runs": [facts.run(store, record) for record in store.runs.page(order="-created_at", limit=_LATEST)],
        "versions": [facts.version(version) for version in store.browse.newest_versions(_LATEST)],
        "in_use": registry.in_use(store),
        "usage": store.usage()._asdict(),
    }
    return Page("home.html", "Home", data)


def search(store: Store, request: Request) -> Page:
    """Show the collections, versions and runs that contain the words of a search."""
    words = Query(request).text("q").strip()
    exact = _named(store, words)
    hits = [
        {
            "kind": "version",
            "project": version.project,
            "name": version.name,
            "why": "has this name",
            "href": links.of_version(version),
        }
        for version in exact
    ] + [
        {
            "kind": hit.kind,
            "project": hit.project,
            "name": f"{hit.name}:{hit.label}" if hit.kind == "version" else hit.label,
            "why": _around(hit.why, words),
            "href": {
                "collection": lambda hit: links.collection(hit.project, hit.name),
                "version": lambda hit: links.version(hit.project, hit.name, hit.label[1:]),
                "run": lambda hit: links.run(hit.project, hit.name),
            }[hit.kind](hit),
        }
        for hit in (store.browse.search(words) if words else [])
    ]
    return Page("search.html", f"Search {words}" if words else "Search", {"words": words, "hits": hits})


def _named(store: Store, words: str) -> list[Version]:
    """Return the version whose whole name was typed: `zoo/animals:v0`."""
    if ":" not in words:
        return []
    try:
        return [store.version(words)]
    except (InvalidInput, NotFound):
        return []


def _around(text: str, words: str) -> str:
    """Return the part of a text around the words that were looked for."""
    at = max(text.lower().find(words.lower()), 0)
    begin = max(at - 40, 0)
    return ("…" if begin else "") + text[begin : at + 80] + ("…" if at + 80 < len(text) else "")
