"""The driver for web servers: `https://host/data/train.csv`, without prefixes.

An object is pinned by its strong etag; otherwise by a weak etag and the size; otherwise by the date of its last change
and the size; otherwise by its digest, for which it is read once. Requests carry conditions, and each reply is still
compared with the pin, because many servers ignore conditions. The content is requested as it is stored and never
compressed: a compressed reply would have another etag and no length. If a server sends it compressed nevertheless,
size, etag and digest are those of the compressed bytes, and a download decompresses them.

The given URL is stored, not the one it redirects to, which is often signed and expires. Headers, cookies and
credentials of `storage_options` go to the origin of the given URL only, and https never redirects to http. A URL that
leads to a folder is refused: its index page is not data.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from artstore.drivers import (
    Algorithm,
    Driver,
    NoRanges,
    RemoteObject,
    StoredCompressed,
    Target,
    changed,
    is_compressed,
    missing_library,
    redacted,
    refuse_secrets,
    shown,
    unavailable,
    unusable_options,
)
from artstore.errors import AccessDenied, ArtstoreError, BadReply, InvalidUri, ReferenceGone, Unreachable

try:
    import aiohttp
    from yarl import URL
except ImportError as error:
    raise missing_library("http", "aiohttp", "http") from error

CONNECT, ANSWER = 5.0, 20.0
"""How long to wait for a connection, and for each piece of an answer, in seconds."""
_CONNECTIONS = 32
_PIECE = 1 << 20
_LATER = {408, 425, 429, 500, 502, 503, 504}
_GONE = {404, 410}
_DENIED = {401, 403, 407, 451}
_RANGE_REFUSED = {400, 416, 501}
_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_REDIRECTS = 10
_IDENTITY = {"Accept-Encoding": "identity"}
_NUMBER = re.compile("[0-9]{1,18}")
_RANGE = re.compile("bytes (?:([0-9]{1,18})-([0-9]{1,18})|[*])/([0-9]{1,18}|[*])")
_ETAG = re.compile('([Ww]/)?"?([^"]+)"?')
_MODIFIED = "modified:"
_LONGEST = 1024
"""The longest header that is believed, in characters."""


class HttpDriver(Driver):
    """Reads from web servers. `storage_options` may have `headers`, and `client_kwargs` for `aiohttp.ClientSession`."""

    lists: ClassVar[bool] = False

    def __init__(self, storage_options: Mapping[str, Any]) -> None:
        super().__init__(storage_options)
        self._session: aiohttp.ClientSession | None = None
        self._headers: dict[str, str] = {}
        self._credentials: dict[str, Any] = {}
        """Arguments of requests to the origin of the given URL."""

    def parse(self, uri: str) -> Target:
        """Refuse URLs with a user, a password, a signature or a token, URLs without a host, and folders."""
        refuse_secrets(uri)
        try:
            parts = urlsplit(uri)
            # Reading `port` raises ValueError if it is not a number.
            host = parts.hostname if parts.port is None or parts.port >= 0 else None
        except ValueError:
            host = None
        if not host or not uri.isprintable():
            raise InvalidUri(f"{shown(uri)!r} is not a valid web address: expected https://host/path")
        if not parts.query and (not parts.path or parts.path.endswith("/")):
            raise InvalidUri(_folder(uri))
        return Target(uri)

    async def stat(self, uri: str, *, version: str | None = None, checksum: Algorithm | None = None) -> RemoteObject:
        """Request the headers, or the first byte if the reply to HEAD does not describe the object."""
        found = await self._head(uri) or await self._first_byte(uri)
        if found.etag is None and checksum is not None:
            return await self._read_once(found, checksum)
        return found

    async def read(self, pinned: RemoteObject, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        """Request the object on the condition that it is the pinned one, and check that the reply is."""
        async for data in self._read(pinned, start, stop, stored=False):
            yield data

    async def read_stored(self, pinned: RemoteObject) -> AsyncGenerator[bytes]:
        """Request the object as `read` does, and accept that it is compressed."""
        async for data in self._read(pinned, 0, None, stored=True):
            yield data

    async def _read(self, pinned: RemoteObject, start: int, stop: int | None, *, stored: bool) -> AsyncGenerator[bytes]:
        headers = _conditions(pinned)
        if start or stop is not None:
            headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        async with self._answer("GET", pinned.uri, headers) as reply:
            if reply.status not in (412, 416):
                async for data in _content(pinned, reply, start, stop, stored):
                    yield data
                return
        found = await self.stat(pinned.uri)
        if not pinned.differs(found) and reply.status == 416:
            raise NoRanges(f"{pinned.uri!r} is only available as a whole")
        if pinned.differs(found) or "If-Match" not in headers:
            raise changed(pinned, found)
        # Some servers report that the condition fails, although the etag is the same.
        async with self._answer("GET", pinned.uri, {"Range": headers["Range"]} if "Range" in headers else {}) as reply:
            async for data in _content(pinned, reply, start, stop, stored):
                yield data

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            try:
                self._session = self._new_session()
            except (TypeError, ValueError, AttributeError) as error:
                raise unusable_options("http", error) from error
        return self._session

    def _new_session(self) -> aiohttp.ClientSession:
        from fsspec.config import conf

        options = {**conf.get("http", {}), **conf.get("https", {}), **self.storage_options}
        given = dict(options.get("client_kwargs", {}))
        self._headers = {**given.pop("headers", {}), **options.get("headers", {})}
        if not all(isinstance(text, str) for header in self._headers.items() for text in header):
            raise TypeError("the names and values of headers must be strings")
        self._credentials = {name: given.pop(name) for name in ("auth", "cookies") if name in given}
        arguments = {
            "trust_env": True,
            "connector": aiohttp.TCPConnector(limit=_CONNECTIONS),
            **given,
            "timeout": aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=ANSWER),
            "auto_decompress": False,
        }
        return aiohttp.ClientSession(**arguments)

    @asynccontextmanager
    async def _answer(self, method: str, uri: str, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request, and translate errors. aiohttp's errors quote the target of a redirect, which is not shown."""
        try:
            async with self._final_reply(method, uri, headers) as reply:
                if method != "HEAD":
                    _refuse(uri, reply)
                yield reply
        except ArtstoreError:
            raise
        except aiohttp.ClientConnectorCertificateError as error:
            raise BadReply(f"{uri!r} cannot be trusted: {redacted(error.certificate_error)}") from None
        except (aiohttp.InvalidURL, UnicodeError):
            # UnicodeError: of a host that is not a name.
            raise InvalidUri(f"{uri!r} is not a valid web address, or redirects to an invalid one") from None
        except (aiohttp.ServerTimeoutError, TimeoutError):
            raise Unreachable(f"{uri!r} did not answer in time: check the address, or try again later") from None
        except aiohttp.ClientConnectionError as error:
            raise Unreachable(
                f"{uri!r} cannot be reached: {redacted(error)}. Check the address, or try again later"
            ) from None
        except aiohttp.ClientPayloadError:
            raise Unreachable(f"{uri!r} broke off in the middle: try again later") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise BadReply(f"{uri!r} got an answer that is not HTTP: {type(error).__name__}") from None

    @asynccontextmanager
    async def _final_reply(
        self, method: str, uri: str, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request, and follow redirects. What `storage_options` have for the server goes to its origin only."""
        session = self._opened()
        url = first = URL(uri, encoded=uri.isascii() and " " not in uri)
        for _ in range(_MOST_REDIRECTS + 1):
            ours = _is_same_server(first, url)
            async with session.request(
                method,
                url,
                headers={**(self._headers if ours else {}), **_IDENTITY, **headers},
                allow_redirects=False,
                **(self._credentials if ours else {}),
            ) as reply:
                location = reply.headers.get("Location") if reply.status in _REDIRECTS else None
                if location is None:
                    yield reply
                    return
                url = _redirected(uri, url, location)
        raise BadReply(f"{uri!r} redirects without end")

    async def _head(self, uri: str) -> RemoteObject | None:
        async with self._answer("HEAD", uri, {}) as reply:
            if reply.status != 500:
                # Some servers fail at every HEAD: then the reply to GET decides.
                _refuse_if_busy(uri, reply)
            if reply.status != 200:
                return None
            found = _described(uri, reply)
            encoded = reply.headers.get("Content-Encoding", "identity") != "identity"
            # Some servers send the length of the empty reply to HEAD, not that of the object.
            if encoded or not found.size:
                return None
            _refuse_folder(uri, reply)
            return found

    async def _first_byte(self, uri: str) -> RemoteObject:
        async with self._answer("GET", uri, {"Range": "bytes=0-0"}) as reply:
            if reply.status not in _RANGE_REFUSED:
                return _found(uri, reply)
        async with self._answer("GET", uri, {}) as reply:
            return _found(uri, reply)

    async def _read_once(self, found: RemoteObject, checksum: Algorithm) -> RemoteObject:
        hasher, size = checksum.hasher(), 0
        async for data in self._read(found, 0, None, stored=True):
            hasher.update(data)
            size += len(data)
        return found._replace(size=size, digest=checksum.text(hasher.digest()))


def _conditions(pinned: RemoteObject) -> dict[str, str]:
    if pinned.strong:
        return {"If-Match": f'"{pinned.etag}"'}
    if pinned.etag is not None and pinned.etag.startswith(_MODIFIED):
        return {"If-Unmodified-Since": pinned.etag.removeprefix(_MODIFIED)}
    return {}


def _described(uri: str, reply: aiohttp.ClientResponse) -> RemoteObject:
    """Return the whole object that the headers of a reply describe."""
    etag = _ETAG.fullmatch(_header(reply, "ETag"))
    modified = _header(reply, "Last-Modified")
    pin = None
    if etag is not None:
        pin = f'W/"{etag[2]}"' if etag[1] else etag[2]
    elif modified:
        pin = _MODIFIED + modified
    length = _header(reply, "Content-Length")
    size = int(length) if _NUMBER.fullmatch(length) else None
    if reply.status == 206:
        part = _RANGE.fullmatch(_header(reply, "Content-Range"))
        size = int(part[3]) if part and part[3] != "*" else None
    name = unquote(urlsplit(uri).path.rpartition("/")[2])
    return RemoteObject(uri, name, size, pin)


def _found(uri: str, reply: aiohttp.ClientResponse) -> RemoteObject:
    """Return the object that a reply to GET contains."""
    if reply.status not in (200, 206):
        raise _useless(uri, reply)
    _refuse_folder(uri, reply)
    found = _described(uri, reply)
    is_compressed(uri, found.key, reply.headers.get("Content-Encoding"))
    return found


def _header(reply: aiohttp.ClientResponse, name: str) -> str:
    """Return a header; "" if it is absent, too long, or not text."""
    value = reply.headers.get(name, "").strip()
    return value if value.isprintable() and len(value) <= _LONGEST else ""


async def _content(
    pinned: RemoteObject, reply: aiohttp.ClientResponse, start: int, stop: int | None, stored: bool
) -> AsyncGenerator[bytes]:
    """Yield the bytes of a reply from `start` up to `stop`, after checking that it is for the pinned object."""
    if reply.status not in (200, 206):
        if reply.status in _RANGE_REFUSED and (start or stop is not None):
            raise NoRanges(f"{pinned.uri!r} is only available as a whole: {_said(reply)}")
        raise _useless(pinned.uri, reply)
    found = _described(pinned.uri, reply)
    if pinned.differs(found) or (pinned.etag is not None and found.etag is None):
        raise changed(pinned, found)
    if not pinned.pinned:
        _refuse_folder(pinned.uri, reply)
    if is_compressed(pinned.uri, found.key, reply.headers.get("Content-Encoding")) and not stored:
        raise StoredCompressed(f"{pinned.uri!r} is kept compressed")
    left = None if stop is None else stop - start
    if reply.status == 206:
        part = _RANGE.fullmatch(_header(reply, "Content-Range"))
        if part is None or int(part[1] or -1) != start or (left is not None and int(part[2]) >= start + left):
            raise NoRanges(f"{pinned.uri!r} was answered with another part than the requested one")
    elif start:
        raise NoRanges(f"{pinned.uri!r} is only available as a whole")
    async for data in reply.content.iter_chunked(_PIECE):
        piece = data if left is None else data[:left]
        if piece:
            yield piece
        if left is not None:
            left -= len(piece)
            if not left:
                return


def _refuse(uri: str, reply: aiohttp.ClientResponse) -> None:
    """Raise the error for a reply that reports a missing object, denied access, or a busy server."""
    said = _said(reply)
    if reply.status in _GONE:
        raise ReferenceGone(f"{uri!r} was not found: {said}. Check the address, and whether it exists yet")
    if reply.status in _DENIED:
        raise AccessDenied(
            f"{uri!r} may not be read: {said}. Give credentials in ~/.netrc, or headers in storage_options"
        )
    _refuse_if_busy(uri, reply)


def _refuse_if_busy(uri: str, reply: aiohttp.ClientResponse) -> None:
    if reply.status in _LATER:
        wait = reply.headers.get("Retry-After")
        raise unavailable(f"{uri!r} is not available now: {_said(reply)}. Try again later", wait)


def _useless(uri: str, reply: aiohttp.ClientResponse) -> BadReply:
    return BadReply(f"{uri!r} cannot be read: {_said(reply)}")


def _said(reply: aiohttp.ClientResponse) -> str:
    reason = reply.reason or ""
    return f"the server says {reply.status} {reason if reason.isprintable() else ''}".rstrip()[:200]


def _folder(uri: str) -> str:
    return (
        f"{uri!r} is a folder of a web server, and http cannot list folders: reference each file by its own URL "
        "(an index page is not data)"
    )


def _refuse_folder(uri: str, reply: aiohttp.ClientResponse) -> None:
    """Raise `ReferenceGone` if a URL leads to the page of a folder: by a `/` that the server added, or as it says."""
    path = reply.url.path
    if path.endswith("/") and (
        path.rstrip("/") == (unquote(urlsplit(uri).path) or "/")
        or reply.content_type in ("text/html", "application/xhtml+xml")
    ):
        raise ReferenceGone(_folder(uri))


def _is_same_server(first: URL, url: URL) -> bool:
    """Whether a URL is at the origin of the first, or at the same host with https instead of http."""
    if url.origin() == first.origin():
        return True
    upgraded = (first.scheme, first.port, url.scheme, url.port) == ("http", 80, "https", 443)
    return upgraded and url.host == first.host


def _redirected(uri: str, url: URL, location: str) -> URL:
    """Return the URL that a reply redirects to; the errors do not quote it, because it may be signed."""
    try:
        target = url.join(URL(location))
        if target.scheme not in ("http", "https") or not target.host:
            raise ValueError(target.scheme)
    except ValueError:
        raise BadReply(f"{uri!r} redirects to an address that is not http") from None
    if url.scheme == "https" and target.scheme == "http":
        raise BadReply(
            f"{uri!r} redirects from https to http, where anyone on the way can read and change it: reference the "
            "http address itself if that is wanted"
        )
    return target
