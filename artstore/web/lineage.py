"""The page of lineage: the graph around a version or a run, from left to right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any

from starlette.requests import Request

from artstore.lineage.graph import DELETED, Direction, Node, RunNode, VersionNode
from artstore.store import Store
from artstore.web import facts, links
from artstore.web.page import Page, Query

_DIRECTIONS: tuple[Direction, ...] = ("both", "upstream", "downstream")
_HOPS = 4
_DRAWN = 250
"""Beyond this number of boxes the summary is drawn: more cannot be read, and take over a second to draw."""
_LISTED = 200
_CLUSTER = " #"
_VALUES = 20
"""The values of a run or version that stand beside the drawing."""


def graph(store: Store, request: Request) -> Page:
    """Show the lineage of a version or run, in full or as a summary."""
    query = Query(request)
    of, run = query.text("of"), query.text("run")
    direction = query.one_of("direction", _DIRECTIONS)
    view = query.one_of("view", ("full", "summary"))
    hops = query.number("hops", _HOPS, most=1000)
    if not of and not run:
        return Page("lineage_start.html", "Lineage", {"versions": _starts(store)})
    if run:
        found = store.run_lineage(store.runs.find(run, "").id, direction, hops)
    else:
        found = store.lineage(store.version(of), direction, hops)
    opened = query.every("open")
    drawn = found.summary() if view == "summary" else found.clustered(opened)
    too_large = len(drawn.nodes) > _DRAWN
    if too_large:
        drawn = found.summary() if view == "full" else drawn
    counts = Counter(node.kind for node in found.nodes)
    whole = found.to_json() if len(found.nodes) <= _DRAWN else drawn.to_json()

    def href(node: Node) -> str:
        if _CLUSTER in node.id and node.kind in ("collection", "job"):
            return query.changed(open=[*opened, node.id])
        return query.changed(at=node.id)

    data = {
        **whole,
        "of": of,
        "run": run,
        "view": view,
        "hops": hops,
        "opened": opened,
        "counts": dict(counts),
        "too_large": too_large,
        "listed": [
            {"id": node.id, "name": node.name, "kind": node.kind, "detail": node.detail}
            | {"href": href(node) if _CLUSTER in node.id else links.of_node(node)}
            for node in drawn.nodes[:_LISTED]
        ],
        "_drawn": drawn if len(drawn.nodes) <= 4 * _DRAWN else None,
        "_href": href,
        "panel": _panel(store, next((node for node in drawn.nodes if node.id == query.text("at")), None)),
        "start_name": of or run,
    }
    return Page("lineage.html", f"Lineage of {of or run}", data)


def _panel(store: Store, node: Node | None) -> dict[str, Any] | None:
    """Return what stands beside the drawing about the box that was chosen."""
    if node is None:
        return None
    panel: dict[str, Any] = {"name": node.name, "kind": node.kind, "detail": node.detail, "href": links.of_node(node)}
    if isinstance(node, VersionNode):
        panel["around"] = links.lineage(node.id)
        panel["facts"] = {"made": node.created_at, "entries": node.entries, "size": node.size}
        if node.state != DELETED:
            version = store.version(node.id)
            panel |= {"aliases": list(version.aliases), "tags": list(version.tags), "text": version.description}
            panel["values"] = _few(facts.flat(version.metadata))
            panel["linked_as"] = [facts.link(link) for link in store.links(version)]
    elif isinstance(node, RunNode):
        record = store.runs.find(node.id, "")
        panel["around"] = links.lineage(run=node.id)
        panel["facts"] = {"started": node.started_at, "ended": node.ended_at, "by": node.user}
        panel["text"] = record.notes
        panel["values"] = _few(facts.flat(record.config) | facts.summary(record.summary))
    return panel


def _few(values: Mapping[str, Any]) -> dict[str, Any]:
    return dict(islice(values.items(), _VALUES))


def _starts(store: Store) -> list[dict[str, str]]:
    return [
        {"name": version.qualified_name, "type": version.type, "href": links.lineage(version.qualified_name)}
        for version in store.browse.newest_versions(20)
    ]
