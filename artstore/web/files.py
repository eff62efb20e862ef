"""The page of one file of a version or a run, with a preview of what it contains."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from typing import Any

from starlette.requests import Request

from artstore.core.manifest import Kind
from artstore.runtime.optional_imports import has
from artstore.store import Store
from artstore.web import content, facts, overlays, tables
from artstore.web.page import Page, Query
from artstore.web.stored_file import LARGEST, StoredFile, entry_of, in_run, of_entry
from artstore.web.tables import StoredTable
from artstore.web.versions import find

Address = Callable[[str, str], str]

_ROWS = 50
_TEXT = 256 * 1024
_SORTED = 200_000
"""The rows up to which a table is sorted."""
_CELL = 400


def file(store: Store, request: Request) -> Page:
    """Show a file of a version: its facts, and a preview if it is of a kind that can be shown."""
    query = Query(request)
    version, path = find(store, request), query.text("path")
    entry = entry_of(store, version, path)
    stored = of_entry(store, version, entry)
    data = {
        "version": facts.version(version),
        "kind": entry.kind.name.lower(),
        "executable": entry.executable,
        "target": entry.target,
        "uri": entry.uri,
        "etag": entry.etag,
        "version_id": entry.version_id,
        **_shown(stored),
        "preview": preview(stored, query) if entry.kind == Kind.FILE else {"kind": "none"},
    }
    return Page("file.html", stored.name, data)


def file_of_run(store: Store, request: Request) -> Page:
    """Show a file of a run, with a preview."""
    stored = in_run(store, request)
    record = store.runs.find(f"{request.path_params['project']}/{request.path_params['id']}", "")
    data = {"run": facts.run(store, record), **_shown(stored), "preview": preview(stored, Query(request))}
    return Page("run_file.html", stored.name, data)


def _shown(file: StoredFile) -> dict[str, Any]:
    return {
        "path": file.path,
        "size": file.size,
        "digest": file.digest,
        "content": file.address("content", file.path),
        "sandbox": file.address("sandbox", file.path),
    }


def preview(file: StoredFile, query: Query) -> dict[str, Any]:
    """Return what a page shows of the content of a file."""
    name = file.path.lower()
    type = content.media_type(name).partition("/")[0]
    if type in ("image", "audio", "video"):
        return {"kind": type}
    if name.endswith((".html", ".htm")) or (name.endswith(content.PLOTLY) and has("plotly")):
        return {"kind": "html"}
    if name.endswith(".parquet") and not has(tables.PARQUET):
        return {"kind": "none", "advice": "a preview of Parquet files needs pyarrow: pip install 'artstore[tables]'"}
    if tables.may_be_table(file.path, file.size) and (table := tables.read(file)):
        return page_of_rows(table, file.address, query)
    if file.size <= LARGEST and name.endswith(".json"):
        shown = _document(file, query)
        if shown is not None:
            return shown
    head = bytearray()
    for piece in file.open():
        head += piece
        if len(head) > _TEXT:
            break
    return _text(bytes(head[:_TEXT]), file.size)


def _document(file: StoredFile, query: Query) -> dict[str, Any] | None:
    """Return the preview of a JSON document, which may describe a table or media; None if it is not JSON."""
    try:
        document = json.loads(file.read())
    except (ValueError, RecursionError):
        return None
    table = tables.of_document(document)
    if table is not None:
        return page_of_rows(table, file.address, query)
    if isinstance(document, dict) and str(document.get("_type", "")).endswith("-file") and "path" in document:
        return cell(document, file.address)
    written = json.dumps(document, indent=2, ensure_ascii=False)
    return {"kind": "text", "text": written[:_TEXT], "cut": len(written) > _TEXT, "language": "json"}


def _text(head: bytes, size: int) -> dict[str, Any]:
    if b"\0" in head[:8192]:
        return {"kind": "binary"}
    return {"kind": "text", "text": head.decode(errors="replace"), "cut": size > len(head), "language": ""}


def page_of_rows(table: StoredTable, address: Address, query: Query) -> dict[str, Any]:
    """Return the rows of a table that an address asks for."""
    begin = query.number("row", 0)
    rows = _window(table, begin, query.text("sort"))
    cells = [[cell(value, address) for value in row] for row in rows]
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


def cell(value: Any, address: Address) -> dict[str, Any]:
    """Return how a cell of a W&B table is shown: an image beside the table as a picture, the rest as text."""
    if isinstance(value, dict) and isinstance(value.get("path"), str):
        kind = {"image-file": "image", "audio-file": "audio", "video-file": "video"}.get(str(value.get("_type")))
        if kind:
            return {
                "kind": kind,
                "text": str(value.get("caption") or value["path"]),
                "src": address("content", value["path"]),
                "href": address("file", value["path"]),
                **(overlays.layers(value, address) if kind == "image" else {}),
            }
    return _plain_cell(value)


def _plain_cell(value: Any) -> dict[str, Any]:
    if value is None or facts.is_number(value):
        return {"text": "" if value is None else value, "number": value is not None}
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return {"text": "".join(islice(text, _CELL)) + ("…" if len(text) > _CELL else "")}
