"""A graph for Mermaid, which GitHub, GitLab and many editors draw within Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from artstore.lineage.graph import DELETED, REFERENCES, CollectionNode, Graph, Node, VersionNode


def text(graph: Graph) -> str:
    """The graph as a Mermaid flowchart. Versions are boxes, runs are rounded, deleted versions are dashed."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    short = {node.id: f"n{index}" for index, node in enumerate(graph.nodes)}
    yield "flowchart LR"
    for node in graph.nodes:
        yield f"  {short[node.id]}{_box(node)}"
    for edge in graph.edges:
        said = edge.kind if edge.count == 1 else f"{edge.kind} x{edge.count}"
        arrow = "-.->" if edge.kind == REFERENCES else "-->"
        yield f"  {short[edge.source]} {arrow}|{said}| {short[edge.target]}"
    gone = [short[node.id] for node in graph.nodes if isinstance(node, VersionNode) and node.state == DELETED]
    if gone:
        yield "  classDef deleted stroke-dasharray: 4 3, color: #888"
        yield f"  class {','.join(gone)} deleted"
    yield f"  style {short[graph.start]} stroke-width:3px"


def _box(node: Node) -> str:
    label = f'"{_escaped(node.name)}<br/>{_escaped(node.detail)}"'
    return f"[{label}]" if isinstance(node, VersionNode | CollectionNode) else f"([{label}])"


def _escaped(text: str) -> str:
    """Text in which nothing is read as markup: every character that could be is written by its number."""
    return "".join(each if each.isalnum() or each in " -_.:,/" else f"#{ord(each)};" for each in text)
