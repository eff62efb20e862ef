"""The style, scripts and icon of the pages: a browser keeps them, since their address changes with their content."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
_KEPT = "private, max-age=31536000, immutable"


@cache
def address(name: str) -> str:
    """Return the address of a file, which contains a part of its digest."""
    return f"/static/{name}?v={sha256((FOLDER / name).read_bytes()).hexdigest()[:12]}"


class Kept(StaticFiles):
    """Files that a browser asks for once: without that, each page waits for its style again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file; the browser may keep it if it was asked for by its digest."""
        response = await super().get_response(path, scope)
        if response.status_code in (200, 304) and scope["query_string"].startswith(b"v="):
            response.headers["Cache-Control"] = _KEPT
        return response
