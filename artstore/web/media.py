"""The media, tables and charts of a run's page, by step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from artstore.core.manifest import Kind
from artstore.core.runs import RunRecord
from artstore.errors import ArtstoreError, InvalidInput, NotFound
from artstore.operations.runs import LoggedObject
from artstore.runtime.optional_imports import has, need
from artstore.store import Store
from artstore.web import facts, links, tables
from artstore.web.content import INERT
from artstore.web.files import cell
from artstore.web.page import Query
from artstore.web.stored_file import StoredFile, address_in, of_entry
from artstore.web.tables import StoredTable

_SHOWN = 60
_ROWS = 6
_CHART_ROWS = 10_000
_ARTIFACT = "wandb-artifact://"
_CONVERTER = "vl_convert"


def shown(store: Store, record: RunRecord, query: Query) -> dict[str, Any]:
    """Return the objects of a run at the step that the address names, the newest otherwise."""
    at = query.number("step", 0) if query.text("step") else None
    found = store.runs.logged_objects(record, at=at)
    charts = {one.document.get("table_key") for one in found.objects if _is_chart(one)}
    # The table behind a chart is seen in the chart.
    objects = [one for one in found.objects if one.key not in charts]
    return {
        "objects": [_object(store, record, one) for one in objects[:_SHOWN]],
        "hidden_objects": max(0, len(objects) - _SHOWN),
        "object_step": found.step,
        "earlier": query.changed(step=found.before) if found.before is not None else None,
        "later": query.changed(step=found.after) if found.after is not None else None,
    }


def chart(store: Store, request: Request) -> Response:
    """Send a chart that a run logged, drawn from its table, as SVG."""
    record = store.runs.find(f"{request.path_params['project']}/{request.path_params['id']}", "")
    query = Query(request)
    found = store.runs.logged_objects(record, at=query.number("step", 0))
    one = next((one for one in found.objects if one.key == query.text("key") and _is_chart(one)), None)
    table = None if one is None else _table(store, one.document.get("table"))
    if one is None or table is None:
        raise NotFound(f"run {record.qualified_name} has no chart {query.text('key')!r} at this step")
    rows = [dict(zip(table.columns, row, strict=False)) for row in table.window(0, _CHART_ROWS)]
    drawn = _drawn({**one.document["vega_lite"], "data": {"values": rows}})
    headers = {"Content-Security-Policy": f"{INERT}; style-src 'unsafe-inline'", "Cache-Control": "private, max-age=60"}
    return Response(drawn, media_type="image/svg+xml", headers=headers)


def _drawn(specification: Mapping[str, Any]) -> str:
    converter = need(_CONVERTER, "drawing charts", "ui")
    try:
        # Without bases a specification loads nothing, from the network or from this machine.
        svg: str = converter.vegalite_to_svg(dict(specification), allowed_base_urls=[])
    except ValueError as error:
        raise InvalidInput(f"the chart cannot be drawn: {str(error).splitlines()[0]}") from error
    return svg


def _is_chart(one: LoggedObject) -> bool:
    return one.document.get("_type") == "custom-chart" and isinstance(one.document.get("vega_lite"), Mapping)


def _object(store: Store, record: RunRecord, one: LoggedObject) -> dict[str, Any]:
    """Return how an object is shown: `kind` chooses the part of the template."""
    document, type = one.document, str(one.document["_type"])
    data: dict[str, Any] = {"key": one.key, "step": one.step, "type": type}
    if _is_chart(one) and has(_CONVERTER):
        src = links.run(record.project, record.uid, "chart", key=one.key, step=one.step)
        return data | {"kind": "image", "src": src, "href": src, "text": one.key, "masks": [], "boxes": []}
    if type == "histogram":
        return data | {"kind": "histogram", "bins": document.get("bins"), "values": document.get("values")}
    if type == "table-file":
        return data | _first_rows(store, document)
    if not isinstance(document.get("path"), str):
        return data | {"kind": "value", "text": json.dumps(document, ensure_ascii=False, default=str)[:400]}
    address = address_in(record)
    shown = cell(document, address)
    if "kind" in shown:
        return data | shown
    kind = "html" if type in ("html-file", "plotly-file") else "file"
    path = document["path"]
    return data | {"kind": kind, "text": path, "src": address("sandbox", path), "href": address("file", path)}


def _first_rows(store: Store, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the beginning of a table that lies in an artifact of its own, and the address of all of it."""
    rows, columns = document.get("nrows"), document.get("ncols")
    data: dict[str, Any] = {"kind": "table", "text": f"{rows} rows, {columns} columns", "columns": [], "rows": []}
    try:
        file = _artifact_file(store, document.get("_latest_artifact_path"))
    except ArtstoreError:
        # The artifact may have been deleted: what the run noted of the table is still shown.
        return data | {"href": None}
    table = tables.read(file) if file and tables.may_be_table(file.path, file.size) else None
    if file is None or table is None:
        return data | {"href": file and file.address("file", file.path)}
    cells = [[cell(value, file.address) for value in row] for row in table.window(0, _ROWS)]
    return data | {"columns": table.columns, "rows": cells, "href": file.address("file", file.path)}


def _table(store: Store, uri: object) -> StoredTable | None:
    file = _artifact_file(store, uri)
    return tables.read(file) if file and tables.may_be_table(file.path, file.size) else None


def _artifact_file(store: Store, uri: object) -> StoredFile | None:
    """Return the file that a URI such as `wandb-artifact://local/project/name:latest/path` names."""
    if not isinstance(uri, str) or not uri.startswith(_ARTIFACT):
        return None
    _, project, name, *path = uri.removeprefix(_ARTIFACT).split("/")
    version = store.version(f"{project}/{name}")
    entry = store.entry(version, "/".join(path))
    return of_entry(store, version, entry) if entry and entry.kind == Kind.FILE else None


def files(store: Store, record: RunRecord) -> dict[str, Any]:
    """Return the files that a run saved; what it logged as media is shown with its step."""
    found = [file for file in store.runs.files.find(record) if not file.path.startswith("media/")]
    address = address_in(record)
    listed = [
        {"path": file.path, "size": file.size, "href": address("file", file.path)} for file in found[: facts.LISTED]
    ]
    return {"files": listed, "hidden_files": max(0, len(found) - facts.LISTED)}
