"""The changes that pages served with `--write` make: labels, descriptions and deletions, each by a form.

A deletion is a page first, which shows what would go and what that frees, as `artstore rm --dry-run` does; its form
deletes exactly that: it sends the plan back, and is refused if the plan has changed by then.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qsl

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from artstore.core.versions import Version
from artstore.errors import InvalidInput, StillNeeded
from artstore.operations.delete import DeleteResult
from artstore.store import Store
from artstore.web import facts, links
from artstore.web.page import Page, Query
from artstore.web.versions import find

_LARGEST = 1024 * 1024
"""The largest form that is read, in bytes."""
_LISTED = 100
Fields = dict[str, list[str]]
Edit = Callable[[Store, Request, Fields], str]
"""Makes a change, and returns the address that shows it."""


def posted(store: Store, edit: Edit) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers a form: it makes the change, and sends the browser to the page that shows it."""

    async def answer(request: Request) -> Response:
        if int(request.headers.get("content-length") or _LARGEST + 1) > _LARGEST:
            raise InvalidInput(f"a form of a page has at most {_LARGEST:,} bytes")
        fields: Fields = {}
        for name, value in parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True):
            fields.setdefault(name, []).append(value)
        shown = await to_thread.run_sync(edit, store, request, fields)
        return RedirectResponse(shown, 303)

    return answer


def describe_version(store: Store, request: Request, fields: Fields) -> str:
    """Add and remove aliases and tags of a version or of a link to it, and set its description."""
    found = find(store, request)
    changes: dict[str, Any] = {}
    if "description" in fields:
        changes["description"] = _text(fields) or None
    store.describe(
        found,
        add_aliases=_named(fields, "add_alias"),
        remove_aliases=_named(fields, "remove_alias"),
        add_tags=_named(fields, "add_tag"),
        remove_tags=_named(fields, "remove_tag"),
        force=_is_set(fields, "force"),
        **changes,
    )
    shown = found.link or found
    return links.version(shown.project, shown.collection, shown.number)


def describe_collection(store: Store, request: Request, fields: Fields) -> str:
    """Set the description of a collection."""
    project, name = request.path_params["project"], request.path_params["name"]
    store.describe_collection(name, project=project, description=_text(fields) or None)
    return links.collection(project, name)


def plan_version(store: Store, request: Request) -> Page:
    """Show what deleting a version, or removing a link, would do."""
    query, found = Query(request), find(store, request)
    shown = found.link or found
    data: dict[str, Any] = {
        "title_name": f"{shown.collection}:v{shown.number}",
        "back": links.version(shown.project, shown.collection, shown.number),
        "is_link": found.link is not None,
        "source": facts.version(found),
    }
    return Page("delete.html", f"Delete {data['title_name']}", data | _planned(store, query, found))


def plan_collection(store: Store, request: Request) -> Page:
    """Show what deleting every version of a collection would do."""
    query, project, name = Query(request), request.path_params["project"], request.path_params["name"]
    try:
        plan = store.delete_collection(name, project=project, force=_asked(query, "force"), dry_run=True)
        data = _shown(plan)
    except StillNeeded as error:
        data = _refused(error)
    data |= {"title_name": name, "back": links.collection(project, name), "is_link": False, "aliases": True}
    return Page("delete.html", f"Delete {name}", data | {"force": _asked(query, "force")})


def delete_version(store: Store, request: Request, fields: Fields) -> str:
    """Delete a version, or remove a link."""
    found = find(store, request)
    aliases, force = _is_set(fields, "aliases"), _is_set(fields, "force")
    _delete(store, fields, _plan(store, found, aliases=aliases, force=force), aliases=aliases)
    shown = found.link or found
    return links.collection(shown.project, shown.collection)


def delete_collection(store: Store, request: Request, fields: Fields) -> str:
    """Delete every version of a collection."""
    project, name = request.path_params["project"], request.path_params["name"]
    plan = store.delete_collection(name, project=project, force=_is_set(fields, "force"), dry_run=True)
    _delete(store, fields, plan, aliases=True)
    return links.collection(project, name)


def _delete(store: Store, fields: Fields, plan: DeleteResult, *, aliases: bool) -> None:
    """Do what a plan says, if it is the one that the page showed. Raises `InvalidInput` if it is not."""
    if fields.get("plan", [""])[-1] != _stamp(plan):
        raise InvalidInput("what this deletes has changed since the page showed it: go back and look at it again")
    force = _is_set(fields, "force")
    if plan.versions:
        store.delete(*plan.versions, delete_aliases=aliases, force=force)
    else:
        store.unlink(*plan.links, force=force)


def _stamp(plan: DeleteResult) -> str:
    """Return what tells one plan from others: the versions and links that go, and their aliases."""
    versions = [(version.id, sorted(version.aliases)) for version in plan.versions]
    links = [(link.id, sorted(link.aliases)) for version in plan.links if (link := version.link)]
    return blake2b(json.dumps([versions, links]).encode(), digest_size=16).hexdigest()


def _plan(store: Store, found: Version, *, aliases: bool, force: bool) -> DeleteResult:
    if found.link:
        return DeleteResult([], 0, 0, (found,))
    return store.delete(found, delete_aliases=aliases, force=force, dry_run=True)


def _planned(store: Store, query: Query, wanted: Version) -> dict[str, Any]:
    aliases, force = _asked(query, "aliases"), _asked(query, "force")
    data: dict[str, Any] = {"aliases": aliases, "force": force}
    try:
        return data | _shown(_plan(store, wanted, aliases=aliases, force=force))
    except StillNeeded as error:
        return data | _refused(error)


def _shown(plan: DeleteResult) -> dict[str, Any]:
    return {
        "refused": None,
        "versions": [facts.version(version) for version in plan.versions[:_LISTED]],
        "count": len(plan.versions),
        "links_gone": [facts.link(version) for version in plan.links[:_LISTED]],
        "frees": plan.content,
        "plan": _stamp(plan),
    }


def _refused(error: StillNeeded) -> dict[str, Any]:
    return {"refused": str(error), "versions": [], "count": 0, "links_gone": [], "frees": 0, "plan": ""}


def _named(fields: Fields, key: str) -> list[str]:
    return [value.strip() for value in fields.get(key, []) if value.strip()]


def _text(fields: Fields) -> str:
    return fields.get("description", [""])[-1].replace("\r\n", "\n").strip()


def _is_set(fields: Fields, key: str) -> bool:
    return fields.get(key, [""])[-1] == "1"


def _asked(query: Query, key: str) -> bool:
    return query.number(key, 0, most=1) == 1
