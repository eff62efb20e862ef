"""A graph as trees for the terminal: one upstream of a node, one downstream.

Where paths meet again, and where a cycle closes, the tree says that the node was shown above and ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from artstore.core.names import default_project
from artstore.lineage.graph import PRODUCED, REFERENCES, USED, Edge, Graph, Node, RunNode, VersionNode

_VERBS = {
    (USED, True): "used",
    (USED, False): "used by",
    (PRODUCED, True): "produced by",
    (PRODUCED, False): "produced",
    (REFERENCES, True): "references",
    (REFERENCES, False): "referenced by",
}


class _Place(NamedTuple):
    """The place of an edge in the tree: the edge, the indentation of its line, and whether it is the last sibling."""

    edge: Edge
    indent: str
    last: bool


def render(graph: Graph) -> str:
    """Return the start of a graph, and a tree for each direction that was asked for, as lines of text."""
    return "\n".join(_lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    nodes = {node.id: node for node in graph.nodes}
    yield _named(nodes[graph.start], "")
    for upstream, title in ((True, "upstream"), (False, "downstream")):
        if graph.direction in ("both", title):
            tree = list(_tree(graph, nodes, upstream=upstream))
            none = "not searched (depth 0)" if graph.depth == 0 else "nothing recorded"
            yield f"{title}:" if tree else f"{title}: {none}"
            yield from tree


def _tree(graph: Graph, nodes: Mapping[str, Node], *, upstream: bool) -> Iterator[str]:
    edges: dict[str, list[Edge]] = defaultdict(list)
    for edge in graph.edges:
        edges[edge.target if upstream else edge.source].append(edge)
    shown = {graph.start}
    waiting = _places(edges[graph.start], "")
    while waiting:
        edge, indent, last = waiting.pop()
        end = edge.source if upstream else edge.target
        seen = end in shown
        shown.add(end)
        yield f"{indent}{'└─ ' if last else '├─ '}{_line(edge, nodes[end], upstream, seen and bool(edges[end]))}"
        if not seen:
            waiting += _places(edges[end], indent + ("   " if last else "│  "))


def _places(edges: list[Edge], indent: str) -> list[_Place]:
    """Return the edges of one node in reverse order: the next one to print is taken from the end."""
    return [_Place(edge, indent, index == 0) for index, edge in enumerate(reversed(edges))]


def _line(edge: Edge, node: Node, upstream: bool, repeated: bool) -> str:
    verb = _VERBS[edge.kind, upstream]
    role = f" as {edge.role}" if edge.role else ""
    count = f" ({edge.count} times)" if edge.count > 1 else ""
    return f"{verb} {_named(node, role)}{count}{' ... see above' if repeated else ''}"


def _named(node: Node, role: str) -> str:
    name = node.name if node.project == default_project() else f"{node.project}/{node.name}"
    kind = "run " if isinstance(node, RunNode) else "" if isinstance(node, VersionNode) else f"{node.kind} "
    uid = f" {node.uid}" if isinstance(node, RunNode) and node.uid != node.name else ""
    labels = node.labels if isinstance(node, VersionNode) else ()
    return f"{kind}{name}{uid}{role}  ({', '.join([node.detail, *labels])})"
