"""Write a lineage graph as a Mermaid flowchart, which GitHub, GitLab and many editors draw in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from artstore.lineage.graph import DELETED, REFERENCES, CollectionNode, Graph, Node, VersionNode


def render(graph: Graph) -> str:
    """Return the graph as a Mermaid flowchart. Versions are boxes, runs are rounded, deleted versions are dashed."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    short_ids = {node.id: f"n{index}" for index, node in enumerate(graph.nodes)}
    yield "flowchart LR"
    for node in graph.nodes:
        yield f"  {short_ids[node.id]}{_box(node)}"
    for edge in graph.edges:
        label = edge.kind if edge.count == 1 else f"{edge.kind} x{edge.count}"
        arrow = "-.->" if edge.kind == REFERENCES else "-->"
        yield f"  {short_ids[edge.source]} {arrow}|{label}| {short_ids[edge.target]}"
    deleted = [short_ids[node.id] for node in graph.nodes if isinstance(node, VersionNode) and node.state == DELETED]
    if deleted:
        yield "  classDef deleted stroke-dasharray: 4 3, color: #888"
        yield f"  class {','.join(deleted)} deleted"
    yield f"  style {short_ids[graph.start]} stroke-width:3px"


def _box(node: Node) -> str:
    label = f'"{_escaped(node.name)}<br/>{_escaped(node.detail)}"'
    return f"[{label}]" if isinstance(node, VersionNode | CollectionNode) else f"([{label}])"


def _escaped(text: str) -> str:
    """Escape every character that could be read as markup, by its code."""
    return "".join(char if char.isalnum() or char in " -_.:,/" else f"#{ord(char)};" for char in text)
