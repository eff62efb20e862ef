"""`Lineage`: the graph around a version or a run, its summary, and the formats it is exported to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import asdict
from html import escape
from typing import Any

from artstore.errors import UsageError
from artstore.lineage import dot, html, mermaid, openlineage, prov, svg, tree
from artstore.lineage.graph import Edge, Graph, Node, cluster, summarize
from artstore.runtime import release
from artstore.runtime.arguments import checked

_MOST_DRAWN = 200
"""The most nodes that a notebook draws; of a larger graph it draws the summary."""


@checked
class Lineage:
    """The graph around a version or run: what it was made from and what used it.

    >>> lineage = artifact.lineage(direction="upstream")
    >>> [node.name for node in lineage.nodes]
    >>> lineage.summary().to_mermaid()

    `nodes` are sorted by age; an edge points in the direction of the data. `print` shows trees, a notebook draws it.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    @property
    def start(self) -> str:
        """The id of the node that the graph is around."""
        return self.graph.start

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Versions and runs; in a summary, collections and job types."""
        return self.graph.nodes

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The edges: `used`, `produced` and `references`."""
        return self.graph.edges

    def summary(self) -> Lineage:
        """Group the graph by collections and job types, with the numbers of versions, runs and edges in each."""
        return Lineage(summarize(self.graph))

    def to_json(self) -> dict[str, Any]:
        """Return nodes and edges as plain data, for `json.dump`."""
        return {
            "start": self.start,
            "direction": self.graph.direction,
            "depth": self.graph.depth,
            "nodes": [{"kind": node.kind, "name": node.name, **asdict(node)} for node in self.nodes],
            "edges": [asdict(edge) for edge in self.edges],
        }

    def to_text(self) -> str:
        """Return trees of what is upstream and downstream."""
        return tree.render(self.graph)

    def to_dot(self) -> str:
        """Return the graph in the DOT language, for Graphviz."""
        return dot.render(self.graph)

    def to_mermaid(self) -> str:
        """Return the graph as a Mermaid flowchart."""
        return mermaid.render(self.graph)

    def to_svg(self) -> str:
        """Return the graph as an SVG drawing."""
        return svg.render(self.graph)

    def clustered(self, opened: Collection[str] = ()) -> Lineage:
        """Draw five or more siblings of one collection or job type as one node, except clusters in `opened`."""
        return Lineage(cluster(self.graph, svg.columns_of(self.graph), opened))

    def draw(self, href: Callable[[Node], str]) -> str:
        """Return the graph as an SVG drawing whose boxes are links, coloured by the page that contains it."""
        return svg.render(self.graph, href=href, styled=False)

    def to_html(self) -> str:
        """Return one HTML file with the drawing and a list of its nodes; of a large graph, the summary is drawn."""
        drawn = self.clustered().graph
        return html.render(drawn if len(drawn.nodes) <= _MOST_DRAWN else summarize(self.graph), self.graph)

    def to_openlineage(self) -> list[dict[str, Any]]:
        """Return OpenLineage events, the oldest first. Raises `UsageError` for a summary."""
        return openlineage.export(self._with_runs("OpenLineage"), f"urn:artstore:{release.VERSION}")

    def to_prov(self) -> dict[str, Any]:
        """Return a W3C PROV document in its JSON form. Raises `UsageError` for a summary."""
        return prov.export(self._with_runs("PROV"))

    def _with_runs(self, format: str) -> Graph:
        if any(node.kind in ("collection", "job") for node in self.nodes):
            raise UsageError(
                f"{format} describes single runs and versions, which a summary lacks: export the whole graph"
            )
        return self.graph

    def _repr_html_(self) -> str:
        drawn, note = self.graph, ""
        if len(self.nodes) > _MOST_DRAWN:
            drawn = summarize(self.graph)
            counts = Counter(node.kind for node in self.nodes)
            note = f"<p>{escape(', '.join(f'{count:,} {kind}s' for kind, count in counts.items()))}, summarized</p>"
        return f'{note}<div style="overflow:auto">{svg.render(drawn)}</div>'

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<Lineage of {self.start}: {len(self.nodes)} nodes, {len(self.edges)} edges>"
