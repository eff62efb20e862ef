"""Decide who is answered: requests by this machine's names, from our own pages, with the token where one is needed.

A page of another site that a person has open may send requests to any address of this machine, and a name of that site
may be changed to point here (DNS rebinding). So the name in `Host` must be one of this machine, and a request that says
that it comes from another site is refused.
"""

from __future__ import annotations

import secrets
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "artstore_token"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def is_loopback(host: str) -> bool:
    """Whether a name or address, without a port, means this machine and cannot be reached from others."""
    if host in ("localhost", "localhost."):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """Refuses requests that may not be answered, and adds the security headers to every answer.

    With a `token`, each request must have it: in `?token=`, which sets a cookie, or as a bearer token. Without one,
    only names of this machine are answered. With `write`, forms of our own pages are answered too.
    """

    def __init__(self, app: ASGIApp, token: str | None = None, *, write: bool = False) -> None:
        self._app = app
        self._token = token
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(scope) or self._sign_in(scope) or self._app
        await answer(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._token is None and not is_loopback(_name(host)):
            return _refused(f"this page is not served as {host!r}: open it as localhost", 403)
        origin = headers.get("origin")
        if origin is not None and _place(origin) != host:
            return _refused("requests from other sites are refused", 403)
        navigates = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not navigates:
            return _refused("requests from other sites are refused", 403)
        if scope["method"] in ("GET", "HEAD"):
            return None
        if not self._write or scope["method"] != "POST":
            return _refused("these pages only read", 405)
        # A form of our own pages says where it comes from; what does not say it is not one.
        return None if origin else _refused("a change must come from a form of these pages", 403)

    def _sign_in(self, scope: Scope) -> Response | None:
        """Return the answer to a request without the token, or to one that brings it in the address."""
        if self._token is None:
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query).get("token")
        if given is not None and self._is_token(given):
            rest = urlencode([(key, value) for key, value in query if key != "token"])
            # A path that begins with two slashes would be the address of another server.
            path = "/" + scope["path"].lstrip("/\\")
            answer = RedirectResponse(path + ("?" + rest if rest else ""), 303)
            answer.set_cookie(COOKIE, self._token, httponly=True, samesite="strict", path="/")
            return answer
        headers = Headers(scope=scope)
        cookie = HTTPConnection(scope).cookies.get(COOKIE)
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        offered = [cookie] if cookie else []
        if scheme.lower() == "bearer":
            offered.append(bearer)
        if any(map(self._is_token, offered)):
            return None
        return _refused("open the address that `artstore ui` printed: it contains the token", 401)

    def _is_token(self, offered: str) -> bool:
        return self._token is not None and secrets.compare_digest(offered.encode(), self._token.encode())


def _name(host: str) -> str:
    """Return a `Host` header without its port."""
    name, colon, port = host.rpartition(":")
    return name if colon and (port.isdigit() or not port) else host


def _place(origin: str) -> str | None:
    """Return the host and port of an `Origin`; None if it has none."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _refused(why: str, status: int) -> Response:
    return PlainTextResponse(f"refused: {why}\n", status)
