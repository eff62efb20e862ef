"""The page of one file of a version, with a preview of what it contains."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

from starlette.requests import Request

from artstore.core.manifest import Entry, Kind
from artstore.core.versions import Version
from artstore.errors import NotFound
from artstore.runtime.optional_imports import has
from artstore.store import Store
from artstore.web import content, facts, links, overlays, tables
from artstore.web.artifacts import find
from artstore.web.page import Page, Query
from artstore.web.tables import StoredTable

_ROWS = 50
_TEXT = 256 * 1024
_SORTED = 200_000
"""The rows up to which a table is sorted."""
_CELL = 400


def file(store: Store, request: Request) -> Page:
    """Show a file: its facts, and a preview if it is of a kind that can be shown."""
    query = Query(request)
    version, path = find(store, request), query.text("path")
    entry = store.entry(version, path) if version.state == "committed" and path else None
    if entry is None:
        raise NotFound(f"{version.qualified_name} has no file {path!r}: its page lists its files")
    address = (version.project, version.collection, version.number)
    data = {
        "version": facts.version(version),
        "path": path,
        "kind": entry.kind.name.lower(),
        "size": entry.size,
        "digest": entry.digest,
        "executable": entry.executable,
        "target": entry.target,
        "uri": entry.uri,
        "etag": entry.etag,
        "version_id": entry.version_id,
        "content": links.version(*address, "content", path=path),
        "sandbox": links.version(*address, "sandbox", path=path),
        "preview": _preview(store, version, entry, query) if entry.kind == Kind.FILE else {"kind": "none"},
    }
    return Page("file.html", path.rpartition("/")[2], data)


def _preview(store: Store, version: Version, entry: Entry, query: Query) -> dict[str, Any]:
    name, size = entry.path.lower(), entry.size or 0
    type = content.media_type(name).partition("/")[0]
    if type in ("image", "audio", "video"):
        return {"kind": type}
    if name.endswith((".html", ".htm")):
        return {"kind": "html"}
    if name.endswith(".parquet") and not has(tables.PARQUET):
        return {"kind": "none", "advice": "a preview of Parquet files needs pyarrow: pip install 'artstore[tables]'"}
    if tables.may_be_table(entry) and (table := tables.read(store, entry)):
        return _page_of_rows(table, version, query)
    if size <= tables.LARGEST and name.endswith(".json"):
        shown = _document(b"".join(store.read(entry)), version, query)
        if shown is not None:
            return shown
    head = bytearray()
    for piece in store.read(entry):
        head += piece
        if len(head) > _TEXT:
            break
    return _text(bytes(head[:_TEXT]), size)


def _document(data: bytes, version: Version, query: Query) -> dict[str, Any] | None:
    """Return the preview of a JSON document, which may describe a table or media; None if it is not JSON."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    table = tables.of_document(document)
    if table is not None:
        return _page_of_rows(table, version, query)
    if isinstance(document, dict) and str(document.get("_type", "")).endswith("-file") and "path" in document:
        return cell(document, version)
    written = json.dumps(document, indent=2, ensure_ascii=False)
    return {"kind": "text", "text": written[:_TEXT], "cut": len(written) > _TEXT, "language": "json"}


def _text(head: bytes, size: int) -> dict[str, Any]:
    if b"\0" in head[:8192]:
        return {"kind": "binary"}
    return {"kind": "text", "text": head.decode(errors="replace"), "cut": size > len(head), "language": ""}


def _page_of_rows(table: StoredTable, version: Version, query: Query) -> dict[str, Any]:
    begin = query.number("row", 0)
    rows = _window(table, begin, query.text("sort"))
    cells = [[cell(value, version) for value in row] for row in rows]
    return {
        "kind": "table",
        "columns": table.columns,
        "rows": cells,
        "pictures": any(one.get("kind") == "image" for row in cells for one in row),
        "first": begin,
        "count": table.count,
        "sort": query.text("sort"),
        "large": query.one_of("pictures", ("small", "large")) == "large",
        "previous": query.changed(row=max(0, begin - _ROWS)) if begin else None,
        "next": query.changed(row=begin + _ROWS) if begin + len(rows) < table.count else None,
    }


def _window(table: StoredTable, begin: int, sort: str) -> list[list[Any]]:
    """Return the rows of this page, sorted by the column that the address names: numbers first, then texts."""
    if sort.lstrip("-") not in table.columns or table.count > _SORTED:
        return table.window(begin, _ROWS)
    at = table.columns.index(sort.lstrip("-"))
    rows = table.window(0, table.count)
    rows = sorted(rows, key=lambda row: _sort_key(row[at] if at < len(row) else None), reverse=sort.startswith("-"))
    return rows[begin : begin + _ROWS]


def _sort_key(value: Any) -> tuple[int, float, str]:
    if isinstance(value, str):
        try:
            return 0, float(value), ""
        except ValueError:
            return 1, 0.0, value
    return (0, float(value), "") if facts.is_number(value) else (2, 0.0, json.dumps(value, default=str))


def cell(value: Any, version: Version) -> dict[str, Any]:
    """Return how a cell of a W&B table is shown: an image of the same version as a picture, the rest as text."""
    if isinstance(value, dict) and isinstance(value.get("path"), str):
        kind = {"image-file": "image", "audio-file": "audio", "video-file": "video"}.get(str(value.get("_type")))
        if kind:
            address = (version.project, version.collection, version.number)
            return {
                "kind": kind,
                "text": str(value.get("caption") or value["path"]),
                "src": links.version(*address, "content", path=value["path"]),
                "href": links.version(*address, "file", path=value["path"]),
                **(overlays.layers(value, version) if kind == "image" else {}),
            }
    return _plain_cell(value)


def _plain_cell(value: Any) -> dict[str, Any]:
    if value is None or facts.is_number(value):
        return {"text": "" if value is None else value, "number": value is not None}
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return {"text": "".join(islice(text, _CELL)) + ("…" if len(text) > _CELL else "")}
