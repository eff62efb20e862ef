"""Draw a lineage graph as SVG, left to right, for notebooks and web pages, without scripts or fonts.

The column of a node is the length of the longest path to it. An edge that closes a cycle does not count, and is drawn
as an arc back. Within a column, nodes are placed near the middle of their predecessors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import NamedTuple

from artstore.lineage.graph import DELETED, REFERENCES, CollectionNode, Edge, Graph, Node, VersionNode
from artstore.runtime.terminal import visible

_WIDTH, _HEIGHT = 168, 40
_GAP_X, _GAP_Y = 56, 18
_MARGIN = 12
_LONGEST = 25
"""Characters of a label that fit into a box."""

_STYLE = """
.artstore{font:12px sans-serif}.artstore rect{fill:#e8f0fe;stroke:#4a74b8}
.artstore .work rect{fill:#e6f4ea;stroke:#3d8b55}.artstore .gone rect{fill:none;stroke:#999;stroke-dasharray:4 3}
.artstore .gone text{fill:#888}.artstore .start rect{stroke-width:2.5}
.artstore text{text-anchor:middle;fill:#222}.artstore .detail{font-size:10px;fill:#555}
.artstore path{fill:none;stroke:#888}.artstore .tip{fill:#888;stroke:none}.artstore .references{stroke-dasharray:5 3}
"""


class _Point(NamedTuple):
    x: float
    y: float


def render(graph: Graph, *, href: Callable[[Node], str] | None = None, styled: bool = True) -> str:
    """Return the drawing as one `svg` element.

    With `href`, each box is a link to the address that it returns. Without `styled`, colours are those of the page.
    """
    columns = columns_of(graph)
    places = _places(graph, columns)
    right = max(place.x for place in places.values()) + _WIDTH + _MARGIN
    bottom = max(place.y for place in places.values()) + _HEIGHT + _MARGIN + _GAP_Y
    style = f"<style>{_STYLE}</style>" if styled else ""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="artstore" width="{right:.0f}" height="{bottom:.0f}" '
        f'viewBox="0 0 {right:.0f} {bottom:.0f}" role="{"group" if href else "img"}">',
        f"<title>lineage of {escape(visible(graph.start))}</title>{style}",
        '<defs><marker id="artstore-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
        *(_arrow(edge, places[edge.source], places[edge.target]) for edge in graph.edges),
        *(
            _linked(node, _box(node, places[node.id], start=node.id == graph.start), href(node) if href else None)
            for node in graph.nodes
        ),
        "</svg>",
    ]
    return "\n".join(parts)


def _linked(node: Node, box: str, address: str | None) -> str:
    return box if address is None else f'<a href="{escape(address)}" data-id="{escape(node.id)}">{box}</a>'


def columns_of(graph: Graph) -> dict[str, int]:
    """Return the column of each node: one more than the highest column of its predecessors."""
    predecessors: dict[str, set[str]] = defaultdict(set)
    for source, target in _forward(graph):
        predecessors[target].add(source)
    columns: dict[str, int] = {}
    waiting = [node.id for node in graph.nodes]
    while waiting:
        id = waiting[-1]
        unplaced = [other for other in predecessors[id] if other not in columns]
        if id in columns or not unplaced:
            columns.setdefault(id, max((columns[other] + 1 for other in predecessors[id]), default=0))
            waiting.pop()
        else:
            waiting += unplaced
    return columns


def _forward(graph: Graph) -> Iterator[tuple[str, str]]:
    """Yield the edges except those that close a cycle, found by a depth-first walk from each node in turn."""
    successors: dict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        successors[edge.source].append(edge.target)
    open_nodes: set[str] = set()
    done: set[str] = set()
    for node in graph.nodes:
        if node.id in done:
            continue
        open_nodes.add(node.id)
        path = [(node.id, iter(successors[node.id]))]
        while path:
            id, targets = path[-1]
            target = next(targets, None)
            if target is None:
                path.pop()
                open_nodes.discard(id)
                done.add(id)
            elif target not in open_nodes:
                yield id, target
                if target not in done:
                    open_nodes.add(target)
                    path.append((target, iter(successors[target])))


def _places(graph: Graph, columns: Mapping[str, int]) -> dict[str, _Point]:
    """Return the upper left corner of each node."""
    predecessors: dict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        if columns[edge.source] < columns[edge.target]:
            predecessors[edge.target].append(edge.source)
    members: dict[int, list[str]] = defaultdict(list)
    for node in graph.nodes:
        members[columns[node.id]].append(node.id)
    places: dict[str, _Point] = {}
    for column in sorted(members):

        def middle(id: str) -> float:
            heights = [places[other].y for other in predecessors[id]]
            return sum(heights) / len(heights) if heights else 0.0

        for row, id in enumerate(sorted(members[column], key=middle)):
            places[id] = _Point(_MARGIN + column * (_WIDTH + _GAP_X), _MARGIN + row * (_HEIGHT + _GAP_Y))
    return places


def _arrow(edge: Edge, source: _Point, target: _Point) -> str:
    if target.x > source.x:
        begin, end = _Point(source.x + _WIDTH, source.y + _HEIGHT / 2), _Point(target.x, target.y + _HEIGHT / 2)
        bend = max(_GAP_X / 2, (end.x - begin.x) / 2)
        curve = f"M{begin.x} {begin.y}C{begin.x + bend} {begin.y} {end.x - bend} {end.y} {end.x} {end.y}"
    else:
        begin = _Point(source.x + _WIDTH / 2, source.y + _HEIGHT)
        end = _Point(target.x + _WIDTH / 2, target.y + _HEIGHT)
        low = max(begin.y, end.y) + _GAP_Y + 8
        curve = f"M{begin.x} {begin.y}C{begin.x} {low} {end.x} {low} {end.x} {end.y}"
    dashed = ' class="references"' if edge.kind == REFERENCES else ""
    count = f" x{edge.count}" if edge.count > 1 else ""
    return f'<path{dashed} d="{curve}" marker-end="url(#artstore-tip)"><title>{edge.kind}{count}</title></path>'


def _box(node: Node, place: _Point, *, start: bool) -> str:
    data = isinstance(node, VersionNode | CollectionNode)
    gone = isinstance(node, VersionNode) and node.state == DELETED
    classes = [name for name, applies in (("work", not data), ("gone", gone), ("start", start)) if applies]
    attribute = f' class="{" ".join(classes)}"' if classes else ""
    middle = place.x + _WIDTH / 2
    labels, short = (node.labels, node.short_labels) if isinstance(node, VersionNode) else ((), ())
    about = visible(f"{node.id} ({', '.join([node.detail, *labels])})")
    below = _shortened(", ".join([node.detail, *short]))
    return (
        f"<g{attribute}><title>{escape(about)}</title>"
        f'<rect x="{place.x}" y="{place.y}" width="{_WIDTH}" height="{_HEIGHT}" rx="{4 if data else 16}"/>'
        f'<text x="{middle}" y="{place.y + 17}">{_shortened(node.name)}</text>'
        f'<text class="detail" x="{middle}" y="{place.y + 31}">{below}</text></g>'
    )


def _shortened(label: str) -> str:
    text = visible(label)
    return escape(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")
