"""Write a lineage graph in the DOT language, for Graphviz (`dot -Tsvg`)."""

from __future__ import annotations

from collections.abc import Iterator

from artstore.lineage.graph import DELETED, REFERENCES, CollectionNode, Graph, Node, VersionNode


def render(graph: Graph) -> str:
    """Return the graph in DOT, left to right. Versions are boxes, runs are ovals, deleted versions are dashed."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    yield "digraph lineage {"
    yield "  rankdir=LR;"
    yield '  node [fontname="sans-serif", fontsize=11];'
    yield '  edge [fontname="sans-serif", fontsize=9];'
    for node in graph.nodes:
        yield f"  {_quoted(node.id)} [{_attributes(node, start=node.id == graph.start)}];"
    for edge in graph.edges:
        label = edge.kind if edge.count == 1 else f"{edge.kind} x{edge.count}"
        dashed = ", style=dashed" if edge.kind == REFERENCES else ""
        yield f"  {_quoted(edge.source)} -> {_quoted(edge.target)} [label={_quoted(label)}{dashed}];"
    yield "}"


def _attributes(node: Node, *, start: bool) -> str:
    shape = "box" if isinstance(node, VersionNode | CollectionNode) else "oval"
    label = _quoted(f"{node.name}\n{node.detail}")
    attributes = [f"label={label}", f"shape={shape}"]
    if isinstance(node, VersionNode) and node.state == DELETED:
        attributes.append("style=dashed, color=gray, fontcolor=gray")
    if start:
        attributes.append("penwidth=2")
    return ", ".join(attributes)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
