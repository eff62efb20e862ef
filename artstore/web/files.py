"""The page of one file of a version, with a preview of what it contains."""

from __future__ import annotations

import csv
import io
import json
from itertools import islice
from typing import Any

from starlette.requests import Request

from artstore.core.manifest import Entry, Kind
from artstore.core.versions import Version
from artstore.errors import NotFound
from artstore.runtime.optional_imports import has
from artstore.store import Store
from artstore.web import content, facts, links
from artstore.web.artifacts import find
from artstore.web.page import Page, Query

_ROWS = 50
_TEXT = 256 * 1024
_DOCUMENT = 32 * 1024 * 1024
"""The largest file that is read whole for a preview."""
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
    if size <= _DOCUMENT and name.endswith((".table.json", ".csv", ".tsv", ".parquet", ".json")):
        data = b"".join(store.read(entry))
        shown = _parsed(name, data, version, query)
        if shown is not None:
            return shown
    head = bytearray()
    for piece in store.read(entry):
        head += piece
        if len(head) > _TEXT:
            break
    return _text(bytes(head[:_TEXT]), size)


def _parsed(name: str, data: bytes, version: Version, query: Query) -> dict[str, Any] | None:
    """Return the preview of a table or document; None if it is not what its name says."""
    if name.endswith(".parquet"):
        return _parquet(data, query)
    try:
        text = data.decode()
        if name.endswith((".csv", ".tsv")):
            return _csv(text, "\t" if name.endswith(".tsv") else ",", query)
        document = json.loads(text)
    except (ValueError, RecursionError, csv.Error):
        return None
    if isinstance(document, dict) and isinstance(document.get("columns"), list) and "data" in document:
        return _wandb_table(document, version, query)
    if isinstance(document, dict) and str(document.get("_type", "")).endswith("-file") and "path" in document:
        return _cell(document, version)
    written = json.dumps(document, indent=2, ensure_ascii=False)
    return {"kind": "text", "text": written[:_TEXT], "cut": len(written) > _TEXT, "language": "json"}


def _text(head: bytes, size: int) -> dict[str, Any]:
    if b"\0" in head[:8192]:
        return {"kind": "binary"}
    return {"kind": "text", "text": head.decode(errors="replace"), "cut": size > len(head), "language": ""}


def _page_of_rows(columns: list[str], rows: list[list[Any]], count: int, query: Query) -> dict[str, Any]:
    begin = query.number("row", 0)
    return {
        "kind": "table",
        "columns": columns,
        "rows": rows,
        "first": begin,
        "count": count,
        "sort": query.text("sort"),
        "previous": query.changed(row=max(0, begin - _ROWS)) if begin else None,
        "next": query.changed(row=begin + _ROWS) if begin + len(rows) < count else None,
    }


def _window(rows: list[Any], columns: list[str], query: Query) -> list[Any]:
    """Return the rows of this page, sorted by the column that the address names: numbers first, then texts."""
    sort = query.text("sort")
    if sort.lstrip("-") in columns:
        at = columns.index(sort.lstrip("-"))
        rows = sorted(rows, key=lambda row: _sort_key(row[at] if at < len(row) else None), reverse=sort.startswith("-"))
    begin = query.number("row", 0)
    return rows[begin : begin + _ROWS]


def _sort_key(value: Any) -> tuple[int, float, str]:
    if isinstance(value, str):
        try:
            return 0, float(value), ""
        except ValueError:
            return 1, 0.0, value
    return (0, float(value), "") if facts.is_number(value) else (2, 0.0, json.dumps(value, default=str))


def _csv(text: str, delimiter: str, query: Query) -> dict[str, Any]:
    lines = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    columns = lines[0] if lines else []
    rows = _window(lines[1:], columns, query)
    cells = [[{"text": cell[:_CELL]} for cell in row] for row in rows]
    return _page_of_rows(columns, cells, max(0, len(lines) - 1), query)


def _wandb_table(document: dict[str, Any], version: Version, query: Query) -> dict[str, Any] | None:
    columns, data = [str(column) for column in document["columns"]], document["data"]
    if not isinstance(data, list) or not all(isinstance(row, list) for row in data):
        return None
    rows = _window(data, columns, query)
    return _page_of_rows(columns, [[_cell(value, version) for value in row] for row in rows], len(data), query)


def _parquet(data: bytes, query: Query) -> dict[str, Any] | None:
    if not has("pyarrow.parquet"):
        return {"kind": "none", "advice": "a preview of Parquet files needs pyarrow: pip install 'artstore[tables]'"}
    from pyarrow import ArrowInvalid, parquet  # late: few pages show Parquet, and it takes 0.3 s to import

    try:
        opened = parquet.ParquetFile(io.BytesIO(data))
        begin, columns = query.number("row", 0), [str(name) for name in opened.schema_arrow.names]
        rows: list[list[Any]] = []
        seen = 0
        for batch in opened.iter_batches(batch_size=1024):
            if seen + batch.num_rows > begin:
                part = batch.slice(max(0, begin - seen), _ROWS - len(rows)).to_pylist()
                rows += [[_plain_cell(row[name]) for name in columns] for row in part]
            seen += batch.num_rows
            if len(rows) >= _ROWS:
                break
    except (ArrowInvalid, OSError):
        return None
    return _page_of_rows(columns, rows, opened.metadata.num_rows, query)


def _cell(value: Any, version: Version) -> dict[str, Any]:
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
            }
    return _plain_cell(value)


def _plain_cell(value: Any) -> dict[str, Any]:
    if value is None or facts.is_number(value):
        return {"text": "" if value is None else value, "number": value is not None}
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return {"text": "".join(islice(text, _CELL)) + ("…" if len(text) > _CELL else "")}
