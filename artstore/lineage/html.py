"""Write a lineage graph as one HTML file that needs nothing else: a drawing, and a table of the nodes."""

from __future__ import annotations

from datetime import datetime
from html import escape

from artstore.lineage import svg
from artstore.lineage.graph import Graph, Node, RunNode, VersionNode
from artstore.runtime import words
from artstore.runtime.terminal import visible

_MOST_LISTED = 2000
_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:24px;color:#1f2328;background:#fff}
.drawing{overflow:auto;border:1px solid #d8dee4;border-radius:8px;background:#fff;margin:16px 0}
table{border-collapse:collapse}th,td{text-align:left;padding:4px 16px 4px 0;border-bottom:1px solid #d8dee4}
th{font-weight:600}.name{font-family:ui-monospace,monospace;font-size:13px;unicode-bidi:isolate}
@media(prefers-color-scheme:dark){body{color:#e6e8eb;background:#16191d}th,td,.drawing{border-color:#2e343b}}
"""


def render(drawn: Graph, whole: Graph) -> str:
    """Return the file: `drawn` is the graph in the drawing, `whole` the one whose nodes are listed."""
    title = escape(visible(f"Lineage of {whole.start}"))
    depth = "all hops" if whole.depth is None else f"{whole.depth} hops"
    listed = whole.nodes[:_MOST_LISTED]
    rows = "\n".join(map(_row, listed))
    more = len(whole.nodes) - len(listed)
    note = f"<p>{more:,} more are not listed.</p>" if more else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{title}</h1>
<p>{whole.direction}, {depth}: {len(whole.nodes):,} nodes, {len(whole.edges):,} edges</p>
<div class="drawing" tabindex="0" role="region" aria-label="{title}">
{svg.render(drawn)}
</div>
<table>
<thead>
<tr><th scope="col">name</th><th scope="col">kind</th><th scope="col">what</th><th scope="col">when</th></tr>
</thead>
<tbody>
{rows}
</tbody>
</table>
{note}
</body>
</html>
"""


def _row(node: Node) -> str:
    when = node.started_at if isinstance(node, RunNode) else node.created_at if isinstance(node, VersionNode) else ""
    labels = node.labels if isinstance(node, VersionNode) else ()
    told = words.local_time(datetime.fromisoformat(when)) if when else ""
    cells = [f'<td class="name">{escape(visible(node.id))}</td>']
    cells += [f"<td>{escape(visible(text))}</td>" for text in (node.kind, ", ".join([node.detail, *labels]), told)]
    return f"<tr>{''.join(cells)}</tr>"
