"""Lineage as people ask for it: the graph around a version or a run, its summary, and the forms it is given in."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from html import escape
from typing import Any

from artstore.errors import UsageError
from artstore.lineage import dot, graph, mermaid, openlineage, prov, svg, tree
from artstore.lineage.graph import Edge, Graph, Node
from artstore.runtime import release

_DRAWN = 200
"""Nodes that a notebook draws one by one; of more, it draws the summary."""


class Lineage:
    """The graph around a version or run: what it came from and what came of it.

    >>> found = artifact.lineage(direction="upstream")
    >>> [node.name for node in found.nodes]
    >>> found.summary().to_mermaid()

    `nodes` are sorted by age; an edge goes the way that data went. `print` shows trees, a notebook draws it.
    """

    def __init__(self, found: Graph) -> None:
        self.graph = found

    @property
    def start(self) -> str:
        """The id of the node that it is seen from."""
        return self.graph.start

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Versions and runs; of a summary, collections and job types."""
        return self.graph.nodes

    @property
    def edges(self) -> tuple[Edge, ...]:
        """What was used, produced and referenced."""
        return self.graph.edges

    def summary(self) -> Lineage:
        """The same by collections and job types, with how many versions, runs and edges each stands for."""
        return Lineage(graph.summary(self.graph))

    def to_json(self) -> dict[str, Any]:
        """Nodes and edges as plain data, for `json.dump`."""
        return {
            "start": self.start,
            "direction": self.graph.direction,
            "depth": self.graph.depth,
            "nodes": [{"kind": node.kind, "name": node.name, **asdict(node)} for node in self.nodes],
            "edges": [asdict(edge) for edge in self.edges],
        }

    def to_text(self) -> str:
        """Trees of what it came from and what came of it."""
        return "\n".join(tree.lines(self.graph))

    def to_dot(self) -> str:
        """The graph for Graphviz."""
        return dot.text(self.graph)

    def to_mermaid(self) -> str:
        """The graph as a Mermaid flowchart."""
        return mermaid.text(self.graph)

    def to_svg(self) -> str:
        """The graph as a drawing."""
        return svg.text(self.graph)

    def to_openlineage(self) -> list[dict[str, Any]]:
        """OpenLineage events, the oldest first. Raises `UsageError` for a summary, which no event tells."""
        return openlineage.events(self._of_executions("OpenLineage"), f"urn:artstore:{release.VERSION}")

    def to_prov(self) -> dict[str, Any]:
        """A W3C PROV document in its JSON form. Raises `UsageError` for a summary."""
        return prov.document(self._of_executions("PROV"))

    def _of_executions(self, form: str) -> Graph:
        if any(node.kind in ("collection", "job") for node in self.nodes):
            raise UsageError(f"{form} tells single runs and versions, which a summary has not: export the whole graph")
        return self.graph

    def _repr_html_(self) -> str:
        drawn, note = self.graph, ""
        if len(self.nodes) > _DRAWN:
            drawn = graph.summary(self.graph)
            counts = Counter(node.kind for node in self.nodes)
            note = f"<p>{escape(', '.join(f'{count:,} {kind}s' for kind, count in counts.items()))}, summed up</p>"
        return f'{note}<div style="overflow:auto">{svg.text(drawn)}</div>'

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<Lineage of {self.start}: {len(self.nodes)} nodes, {len(self.edges)} edges>"
