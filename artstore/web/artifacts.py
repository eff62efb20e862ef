"""The pages about artifacts: all collections, one collection, one version, and two versions side by side."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from artstore.core.manifest import Entry, Kind
from artstore.core.names import LATEST, REGISTRY
from artstore.core.runs import RunRecord
from artstore.core.versions import Version
from artstore.errors import InvalidInput, NotFound
from artstore.operations.browse import Child
from artstore.store import Store
from artstore.web import facts, links, registry, tables
from artstore.web.page import Page, Query
from artstore.web.versions import find

_COLLECTIONS = 100
_VERSIONS = 50
_CHILDREN = 200
_RUNS = 20
_METADATA = 6
"""The columns of metadata in the table of a collection."""
_DIFFERENCES = 200
_CHECKED = 10_000
"""The entries up to which a page asks for the state of references: each may be a request to a server."""
_MEASURED = 50_000
"""The entries up to which a page measures space without being asked: beyond, that takes more than 0.1 s."""


def listing(store: Store, request: Request) -> Page:
    """Show the collections by type, each with its newest version."""
    query = Query(request)
    project, type = query.text("project") or None, query.text("type") or None
    named, after = query.text("q"), query.number("after", 0)
    found = store.browse.collections(project, type=type, named=named, after=after, count=_COLLECTIONS)
    rows = [
        {
            "project": overview.collection.project,
            "name": overview.collection.name,
            "type": overview.collection.type,
            "links": overview.collection.portfolio,
            "registry": overview.collection.project.startswith(REGISTRY),
            "versions": overview.versions,
            "newest": facts.version(overview.newest) if overview.newest else None,
            "tags": list(overview.collection.tags),
            "description": overview.collection.description,
            "href": links.collection(overview.collection.project, overview.collection.name),
        }
        for overview in found
    ]
    data = {
        "types": [count._asdict() for count in store.browse.types(project)],
        "projects": store.projects(),
        "project": project,
        "type": type,
        "named": named,
        "collections": rows,
        "next": query.changed(after=after + _COLLECTIONS) if len(found) == _COLLECTIONS else None,
    }
    return Page("artifacts.html", "Artifacts", data)


def collection(store: Store, request: Request) -> Page:
    """Show the versions of a collection, the newest first, with their space."""
    query = Query(request)
    project, name = request.path_params["project"], request.path_params["name"]
    found = store.collection(name, project=project)
    beyond = query.number("beyond", -1)
    versions = store.pages.versions(name, project=project, beyond=beyond if beyond >= 0 else None, count=_VERSIONS)
    measured = _is_measured(query, sum(version.entries for version in versions))
    shares = store.shares(versions) if measured and versions else {}
    rows = []
    for version in versions:
        row = facts.version(version)
        share = shares.get(version.id)
        here = version.link or version
        row["number_here"] = here.number
        row["source"] = row["href"]
        row["href"] = links.version(here.project, here.collection, here.number)
        row["owned"] = share.owned if share else None
        row["reclaimable"] = share.reclaimable if share else None
        row["producers"] = [facts.run(store, record) for record in store.runs.producers(version)[:1]]
        row["values"] = facts.flat(version.metadata)
        row["linked_as"] = [] if version.link else [facts.link(link) for link in store.links(version)]
        rows.append(row)
    data = {
        "project": project,
        "name": name,
        "type": found.type,
        "description": found.description,
        "tags": list(found.tags),
        "protected_aliases": list(found.protected_aliases),
        "linked_here": found.portfolio,
        "count": store.pages.count_versions(name, project=project),
        "versions": rows,
        "metadata": _differing(rows),
        "measured": measured,
        "edit_href": links.collection(project, name, "edit"),
        "delete_href": links.collection(project, name, "delete"),
        "_measure": query.changed(space=1),
        "next": query.changed(beyond=rows[-1]["number_here"]) if len(versions) == _VERSIONS else None,
    }
    return Page("collection.html", name, data)


def version(store: Store, request: Request) -> Page:
    """Show one version: its files as a tree, where it came from and went to, its space, and how to use it."""
    query = Query(request)
    found = find(store, request)
    shown = found.link or found
    folder = query.text("folder")
    folder = folder.strip("/") + "/" if folder.strip("/") else ""
    alive = found.state == "committed"
    children = store.browse.folder(found, folder, after=query.text("after"), count=_CHILDREN) if alive else []
    if folder and alive and not children and not query.text("after"):
        raise NotFound(f"{found.qualified_name} has no folder {folder!r}: begin at the top of its files")
    measured = alive and _is_measured(query, found.entries)
    share = store.shares([found]).get(found.id) if measured else None
    producers = store.runs.producers(found)
    before = next(
        iter(store.pages.versions(found.collection, project=found.project, beyond=found.number, count=1)), None
    )
    last = children[-1] if len(children) == _CHILDREN else None
    data = {
        "version": facts.version(found),
        "here_project": shown.project,
        "here_collection": shown.collection,
        "metadata": found.metadata,
        "base": found.base,
        "ttl": found.ttl.total_seconds() if found.ttl else None,
        "prefixes": list(found.prefixes[:_RUNS]),
        "folder": folder,
        "children": [_child(found, folder, child) for child in children],
        "next": query.changed(after=last.name + ("" if last.entry else "/")) if last else None,
        "producers": _runs(store, producers),
        "made_from": _inputs(store, producers),
        "users": _runs(store, store.runs.users(found, limit=_RUNS)) | {"count": store.runs.count_users(found)},
        "dependencies": [facts.version(other) for other in store.dependencies(found)[:_RUNS]],
        "linked_as": [facts.link(link) for link in store.links(found)] if alive else [],
        "label_changes": registry.changes(store, found) if alive else [],
        "owned": share.owned if share else None,
        "reclaimable": share.reclaimable if share else None,
        "measured": measured,
        "previous": before.qualified_name if before else None,
        "removable": [alias for alias in (found.link or found).aliases if alias != LATEST],
        "protected": list(store.collection(shown.collection, project=shown.project).protected_aliases),
        "status_href": links.version(found.project, found.collection, found.number, "status"),
        "edit_href": links.version(shown.project, shown.collection, shown.number, "edit"),
        "delete_href": links.version(shown.project, shown.collection, shown.number, "delete"),
        "_measure": query.changed(space=1),
    }
    return Page("version.html", found.name, data)


def status(store: Store, request: Request) -> Page:
    """Ask the places of the references of a version whether the objects changed; those that did come first."""
    found = find(store, request)
    if found.entries > _CHECKED:
        raise InvalidInput(
            f"{found.qualified_name} has {found.entries:,} entries: ask for more than {_CHECKED:,} references with "
            f"`artstore status {found.qualified_name}`"
        )
    states = store.status(found) if found.state == "committed" else []
    counts = Counter(one.state for one in states)
    changed = [one for one in states if one.state != "unchanged"]
    unchanged = [one for one in states if one.state == "unchanged"]
    data = {
        "version": facts.version(found),
        "counts": dict(counts),
        "states": [one._asdict() for one in [*changed, *unchanged][:_DIFFERENCES]],
        "hidden": max(0, len(states) - _DIFFERENCES),
    }
    return Page("status.html", f"References of {found.name}", data)


def compare(store: Store, request: Request) -> Page:
    """Show what differs between two versions: files and metadata."""
    query = Query(request)
    if not query.text("old") or not query.text("new"):
        raise InvalidInput("choose two versions: the address needs old= and new=, as in old=zoo/animals:v0")
    old, new = store.version(query.text("old")), store.version(query.text("new"))
    found = store.diff(old, new)
    before, after = facts.flat(old.metadata), facts.flat(new.metadata)
    keys = list(dict.fromkeys([*before, *after]))
    data = {
        "old": facts.version(old),
        "new": facts.version(new),
        "added": _entries(new, found.added),
        "removed": _entries(old, found.removed),
        "changed": [
            pair | {"rows": links.compare_tables(old.qualified_name, new.qualified_name, pair["path"])}
            if entry.kind == Kind.FILE and tables.may_be_table(entry.path, entry.size)
            else pair
            for pair, (_, entry) in zip(_pairs(new, found.changed), found.changed, strict=False)
        ],
        "renamed": _pairs(new, found.renamed),
        "counts": {kind: len(getattr(found, kind)) for kind in ("added", "removed", "changed", "renamed")},
        "metadata": [
            {"key": key, "old": before.get(key), "new": after.get(key)}
            for key in keys
            if json.dumps(before.get(key), default=str) != json.dumps(after.get(key), default=str)
        ],
        "shown": _DIFFERENCES,
    }
    return Page("compare_versions.html", f"{old.name} and {new.name}", data)


def _is_measured(query: Query, entries: int) -> bool:
    return entries <= _MEASURED or query.number("space", 0, most=1) == 1


def _child(version: Version, folder: str, child: Child) -> dict[str, Any]:
    path = folder + child.name
    if child.entry is None:
        href = links.version(version.project, version.collection, version.number, folder=path)
        return {"name": child.name, "path": path, "kind": "folder", "size": None, "href": href}
    return _entry(version, child.entry) | {"name": child.name}


def _entry(version: Version, entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.path,
        "path": entry.path,
        "kind": "empty folder" if entry.kind.name == "FOLDER" else entry.kind.name.lower(),
        "size": entry.size,
        "digest": entry.digest,
        "target": entry.target,
        "uri": entry.uri,
        "executable": entry.executable,
        "href": links.version(version.project, version.collection, version.number, "file", path=entry.path),
    }


def _entries(version: Version, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    return [_entry(version, entry) for entry in entries[:_DIFFERENCES]]


def _pairs(version: Version, pairs: Sequence[tuple[Entry, Entry]]) -> list[dict[str, Any]]:
    return [_entry(version, new) | {"old_path": old.path, "old_size": old.size} for old, new in pairs[:_DIFFERENCES]]


def _differing(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the metadata that tells versions apart: single values that differ, each with the best one if known."""
    shown = []
    for key in dict.fromkeys(key for row in rows for key in row["values"]):
        values = [row["values"].get(key) for row in rows]
        if len(set(map(str, values))) > 1 and not any(isinstance(value, list | dict) for value in values):
            numeric = any(map(facts.is_number, values))
            shown.append({"key": key, "numeric": numeric, "best": facts.best(values, key)})
    return shown[:_METADATA]


def _inputs(store: Store, producers: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """Return what the runs that made a version used."""
    used = {version.id: version for record in producers[:_RUNS] for version in store.runs.used(record)}
    return [facts.version(version) for version in list(used.values())[:_RUNS]]


def _runs(store: Store, records: Sequence[RunRecord]) -> dict[str, Any]:
    return {"count": len(records), "runs": [facts.run(store, record) for record in records[:_RUNS]]}
