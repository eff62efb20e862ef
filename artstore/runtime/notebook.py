"""HTML for notebooks: facts, tables and media, with everything that people named or stored escaped."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

LARGEST = 4_000_000
"""The most bytes of a picture, sound or film that are copied into a notebook, which keeps its outputs."""
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
"""The endings of files that browsers show as pictures."""
_LONGEST = 300
_LEFT = 'style="text-align:left;vertical-align:top"'


def facts(title: str, rows: Iterable[tuple[str, Any]]) -> str:
    """Return a heading and a table of labels and values; those without a value are left out."""
    lines = [
        f"<tr><th {_LEFT}>{escape(label)}</th><td {_LEFT}>{_cell(value)}</td></tr>"
        for label, value in rows
        if value not in (None, "", [], {}, ())
    ]
    return f"<p><b>{escape(title)}</b></p><table>{''.join(lines)}</table>"


def table(columns: Sequence[Any], rows: Iterable[Sequence[Any]], note: str = "") -> str:
    """Return rows below their headings, and a note below them."""
    head = "".join(f"<th {_LEFT}>{escape(str(column))}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td {_LEFT}>{_cell(value)}</td>' for value in row)}</tr>" for row in rows)
    below = f"<p>{escape(note)}</p>" if note else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def _cell(value: Any) -> str:
    draw = getattr(value, "_repr_html_", None)
    drawn = draw() if callable(draw) else None
    if isinstance(drawn, str):
        return drawn
    if isinstance(value, Mapping | list | tuple):
        text = json.dumps(value, ensure_ascii=False, default=str)
    else:
        text = "" if value is None else str(value)
    return escape(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def media(data: bytes, suffix: str, caption: str | None = None) -> str | None:
    """Return a picture, sound, film or page; None if browsers do not show it or it is larger than `LARGEST`.

    A page, and an SVG file, are shown where their scripts do not run.
    """
    import base64  # late: for the start-up time, as the next
    import mimetypes

    kind = mimetypes.types_map.get(suffix.lower(), "")
    if len(data) > LARGEST:
        return None
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    if kind == "text/html":
        page = escape(data.decode(errors="replace"))
        shown = f'<iframe sandbox srcdoc="{page}" style="width:100%;height:300px;border:1px solid #ccc"></iframe>'
    else:
        source = f"data:{kind};base64,{base64.b64encode(data).decode()}"
        if kind.startswith("image/"):
            shown = f'<img src="{source}" alt="{escape(caption or "")}" style="max-width:100%;max-height:400px">'
        elif kind.startswith(("audio/", "video/")):
            shown = f'<{kind[:5]} controls src="{source}"></{kind[:5]}>'
        else:
            return None
    return f'<figure style="display:inline-block;margin:4px">{shown}{below}</figure>'


def is_running() -> bool:
    """Return whether this process runs the cells of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def show(draw: Callable[[], str]) -> bool:
    """Display the HTML that a function returns in the notebook that runs this; return whether there is one."""
    if not is_running():
        return False
    sys.modules["IPython.display"].display({"text/html": draw(), "text/plain": ""}, raw=True)
    return True
