"""The application behind the pages: routes, templates, and the answers to errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from anyio import to_thread
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from artstore.errors import ArtstoreError, InvalidInput, NotFound, ProtectedAlias, RemoteError, StillNeeded
from artstore.runtime import words
from artstore.store import Store
from artstore.web import (
    artifacts,
    changes,
    content,
    drawing,
    edits,
    files,
    home,
    lineage,
    links,
    media,
    overlays,
    parallel,
    registry,
    runs,
    space,
    static_files,
    table_diff,
)
from artstore.web.changes import SharedAnswers
from artstore.web.guard import Guard
from artstore.web.page import Page, Query
from artstore.web.stored_file import StoredFile, in_run, in_version

Handler = Callable[[Store, Request], Page]
_PAGES: dict[str, Handler] = {
    "/": home.home,
    "/search": home.search,
    "/runs": runs.table,
    "/runs/{project}/{id}/overview": runs.overview,
    "/runs/{project}/{id}/file": files.file_of_run,
    "/compare/runs": runs.compare,
    "/artifacts": artifacts.listing,
    "/artifacts/{project}/{name}/versions": artifacts.collection,
    "/artifacts/{project}/{name}/v{number:int}": artifacts.version,
    "/artifacts/{project}/{name}/v{number:int}/file": files.file,
    "/artifacts/{project}/{name}/v{number:int}/status": artifacts.status,
    "/compare/versions": artifacts.compare,
    "/compare/tables": table_diff.compare,
    "/lineage": lineage.graph,
    "/registry": registry.registry,
    "/store": space.store,
    "/events": space.events,
}
_FILES: dict[str, Callable[[StoredFile, Request], Response]] = {
    "content": content.download,
    "sandbox": content.sandbox,
    "mask": overlays.mask,
}
"""The answers that are a stored file itself; each address ends so."""
_RUN = "/runs/{project}/{id}"
_VERSION, _COLLECTION = "/artifacts/{project}/{name}/v{number:int}", "/artifacts/{project}/{name}"
_PLANS: dict[str, Handler] = {
    f"{_VERSION}/delete": edits.plan_version,
    f"{_COLLECTION}/delete": edits.plan_collection,
}
_EDITS: dict[str, edits.Edit] = {
    f"{_VERSION}/edit": edits.describe_version,
    f"{_VERSION}/delete": edits.delete_version,
    f"{_COLLECTION}/edit": edits.describe_collection,
    f"{_COLLECTION}/delete": edits.delete_collection,
}
"""What a form may change, in pages that are served with `--write`."""
_THREADS = 8
"""The requests that read the store at the same time: each thread has a connection of its own."""


def create(store: Store, token: str | None = None, *, write: bool = False) -> ASGIApp:
    """Return the application that shows a store, and with `write` changes it.

    With a `token`, only requests that have it are answered.
    """
    templates = _templates(store, write=write)
    shared = changes.SharedAnswers()
    routes: list[Route | Mount] = [
        Route("/changes", partial(changes.stream, store)),
        Mount("/static", static_files.Kept(directory=static_files.FOLDER)),
        *(Route(f"{_VERSION}/{end}", partial(_file, in_version, store, send)) for end, send in _FILES.items()),
        *(Route(f"{_RUN}/{end}", partial(_file, in_run, store, send)) for end, send in _FILES.items()),
        Route(f"{_RUN}/chart", partial(media.chart, store)),
        Route(_RUN, partial(_whole, store)),
        Route(_COLLECTION, partial(_whole, store)),
    ]
    if write:
        routes += [Route(path, edits.posted(store, edit), methods=["POST"]) for path, edit in _EDITS.items()]
    for path, handler in (_PAGES | (_PLANS if write else {})).items():
        routes += [
            Route(path, partial(_html, store, templates, shared, handler)),
            Route(f"{path}.json", partial(_json, store, handler)),
        ]
    app = Starlette(
        routes=routes,
        lifespan=_lifespan,
        exception_handlers={
            ArtstoreError: partial(_error, templates),
            HTTPException: partial(_error, templates),
        },
    )
    return Guard(app, token, write=write)


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    to_thread.current_default_thread_limiter().total_tokens = _THREADS
    yield


def _templates(store: Store, *, write: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("artstore.web"),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "size": words.size,
        "age": words.age,
        "duration": words.duration,
        "value": _value,
        "exact": _exact,
    }
    environment.globals |= {
        "links": links,
        "static": static_files.address,
        "write": write,
        "plural": words.counted,
        "curves": lambda *args: Markup(drawing.curves(*args)),
        "histogram": lambda *args: Markup(drawing.histogram(*args)),
        "sweep": lambda rows, metric: Markup(parallel.draw(rows, metric)),
        "share_bar": lambda *args: Markup(drawing.share_bar(*args)),
        "draw": lambda graph, href: Markup(graph.draw(href)),
        "store_name": store.path.parent.name if store.path.name == ".artstore" else store.path.name,
        "store_path": str(store.path),
        "encoded": lambda text: quote(text, safe=""),
    }
    return environment


def _value(value: object) -> str:
    """Write a value of a config or summary in a few characters."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e15 else f"{value:.3e}"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 100_000 else str(value)
    return value if isinstance(value, str) else _exact(value)


def _exact(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _file(
    find: Callable[[Store, Request], StoredFile],
    store: Store,
    send: Callable[[StoredFile, Request], Response],
    request: Request,
) -> Response:
    return send(find(store, request), request)


def _html(store: Store, templates: Environment, shared: SharedAnswers, handler: Handler, request: Request) -> Response:
    return HTMLResponse(shared.get(request, lambda: _render(templates, handler(store, request), request)))


def _render(templates: Environment, page: Page, request: Request) -> str:
    query = Query(request)
    return templates.get_template(page.template).render(
        page.data, title=page.title, query=query, here=query.path, json_href=_json_href(query)
    )


def _json_href(query: Query) -> str:
    return links.changed(f"{query.path}.json", query.pairs)


def _json(store: Store, handler: Handler, request: Request) -> Response:
    page = handler(store, request)
    shown = {key: value for key, value in page.data.items() if not key.startswith("_")}
    return Response(json.dumps(shown, ensure_ascii=False, default=_plain), media_type="application/json")


def _whole(store: Store, request: Request) -> Response:
    """Send a name that was typed as an address to its page: of a run, a collection, or `animals:best`."""
    given = request.path_params
    if "id" in given:
        return RedirectResponse(links.run(given["project"], given["id"]))
    name, _, label = given["name"].partition(":")
    if not label:
        return RedirectResponse(links.collection(given["project"], name))
    found = store.version(f"{given['project']}/{name}:{label}")
    here = found.link or found
    return RedirectResponse(links.version(here.project, here.collection, here.number))


def _plain(value: Any) -> Any:
    return value._asdict() if hasattr(value, "_asdict") else str(value)


def _error(templates: Environment, request: Request, error: Exception) -> Response:
    status = 500
    message = str(error)
    if isinstance(error, HTTPException):
        status = error.status_code
        message = "this address has no page: the bar at the top shows what there is" if status == 404 else error.detail
    elif isinstance(error, NotFound):
        status = 404
    elif isinstance(error, InvalidInput):
        status = 400
    elif isinstance(error, RemoteError):
        status = 502
    elif isinstance(error, StillNeeded | ProtectedAlias):
        status = 409
    if request.url.path.endswith(".json"):
        return Response(json.dumps({"error": message}), status, media_type="application/json")
    if request.url.path.endswith(tuple(f"/{end}" for end in (*_FILES, "chart"))):
        return PlainTextResponse(message, status)
    data = {"status": status, "reason": HTTPStatus(status).phrase, "message": message}
    return HTMLResponse(_render(templates, Page("error.html", HTTPStatus(status).phrase, data), request), status)
