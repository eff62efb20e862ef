"""Serve the content of stored files so that it can never act as one of our pages.

A stored file may contain a program from anywhere. So content is sent as an attachment, with a policy that gives
it an origin of its own and nothing to load. HTML is shown in a sandboxed frame only.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from artstore.core.manifest import Entry, Kind
from artstore.errors import InvalidInput, NotFound
from artstore.store import Store
from artstore.web.artifacts import find
from artstore.web.page import Query

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
INERT = "sandbox; default-src 'none'; frame-ancestors 'none'"
"""The policy of content that may do and load nothing."""
# A drawing in <img> runs no scripts and loads nothing; opened by itself, this policy sees to the same.
_DRAWING = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
_FRAMED = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data: blob:; font-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'"
)


def stored_file(store: Store, request: Request) -> Entry:
    """Return the entry that an address names, if it is a stored file. Raises `NotFound` or `InvalidInput`."""
    version, path = find(store, request), Query(request).text("path")
    entry = store.entry(version, path) if version.state == "committed" and path else None
    if entry is None:
        raise NotFound(f"{version.qualified_name} has no file {path!r}: its page lists its files")
    if entry.kind != Kind.FILE:
        raise InvalidInput(f"{path!r} of {version.qualified_name} is not a stored file: `artstore get` fetches it")
    return entry


def download(store: Store, request: Request) -> Response:
    """Send a stored file as an attachment; images, sound and videos in our pages come from here too."""
    entry = stored_file(store, request)
    name = entry.path.rpartition("/")[2]
    type, policy = media_type(name), _DRAWING if name.lower().endswith(".svg") else INERT
    headers = {
        "Content-Security-Policy": policy,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Length": str(entry.size or 0),
        "ETag": f'"{entry.digest}"',
        "Cache-Control": "private, no-cache",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers={"ETag": headers["ETag"]})
    return StreamingResponse(_begun(store.read(entry)), media_type=type, headers=headers)


def sandbox(store: Store, request: Request) -> Response:
    """Send a stored HTML file into the frame of its preview: an origin of its own, no network, no forms."""
    entry = stored_file(store, request)
    headers = {"Content-Security-Policy": _FRAMED, "X-Frame-Options": "SAMEORIGIN"}
    return StreamingResponse(_begun(store.read(entry)), media_type="text/html", headers=headers)


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
