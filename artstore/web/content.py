"""Serve the content of stored files so that it can never act as one of our pages.

A stored file may contain a program from anywhere. So content is sent as an attachment, with a policy that gives
it an origin of its own and nothing to load. HTML is shown in a sandboxed frame only.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from artstore.errors import InvalidInput
from artstore.runtime.optional_imports import need
from artstore.web.stored_file import LARGEST, StoredFile

IMAGES = {
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
PLOTLY = ".plotly.json"
INERT = "sandbox; default-src 'none'; frame-ancestors 'none'"
"""The policy of content that may do and load nothing."""
# A drawing in <img> runs no scripts and loads nothing; opened by itself, this policy sees to the same.
_DRAWING = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
_FRAMED = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data: blob:; font-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'"
)


def download(file: StoredFile, request: Request) -> Response:
    """Send a stored file as an attachment; images, sound and videos in our pages come from here too."""
    name = file.name
    type, policy = media_type(name), _DRAWING if name.lower().endswith(".svg") else INERT
    headers = {
        "Content-Security-Policy": policy,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Cache-Control": "private, no-cache",
    }
    if file.digest is not None:
        headers |= {"Content-Length": str(file.size), "ETag": f'"{file.digest}"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers={"ETag": headers["ETag"]})
    return StreamingResponse(_begun(file.open()), media_type=type, headers=headers)


def sandbox(file: StoredFile, request: Request) -> Response:
    """Send a stored HTML file into the frame of its preview: an origin of its own, no network, no forms."""
    if file.path.endswith(PLOTLY):
        return HTMLResponse(_plotly_page(file), headers=_framed())
    return StreamingResponse(_begun(file.open()), media_type="text/html", headers=_framed())


def _framed() -> dict[str, str]:
    return {"Content-Security-Policy": _FRAMED, "X-Frame-Options": "SAMEORIGIN"}


def _plotly_page(file: StoredFile) -> str:
    """Return a page that draws a Plotly figure with the script that the library brings."""
    scripts = need("plotly.offline", "a preview of Plotly figures", "media").get_plotlyjs()
    if file.size > LARGEST:
        raise InvalidInput(f"{file.path!r} is too large to be drawn: `artstore.Api` downloads it")
    try:
        figure = json.loads(file.read())
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{file.path!r} is not a Plotly figure: {error}") from error
    # A text that ends a script must not end this one.
    written = json.dumps(figure).replace("<", "\\u003c")
    return (
        '<!doctype html><meta charset="utf-8"><style>body{margin:0}</style><div id="figure"></div>'
        f"<script>{scripts}</script><script>const figure = {written};"
        "Plotly.newPlot('figure', figure.data, figure.layout, {responsive: true, displaylogo: false})</script>"
    )


def media_type(name: str) -> str:
    """Return the type of a file that a page may show as an image, sound or video; otherwise plain bytes."""
    image = next((type for suffix, type in IMAGES.items() if name.lower().endswith(suffix)), None)
    guessed = image or mimetypes.guess_type(name)[0] or ""
    return guessed if guessed.startswith(("image/", "audio/", "video/")) else "application/octet-stream"


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Read the first piece before the answer begins, so that damage becomes an error page."""
    first = next(pieces, b"")

    def every() -> Iterator[bytes]:
        yield first
        yield from pieces

    return every()
