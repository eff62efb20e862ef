"""The driver for Google Cloud Storage: `gs://bucket/key`, `gs://bucket/key#generation`, `gs://bucket/prefix/`.

An object is pinned by its generation. A bucket may delete old generations, and then a change shows because the pinned
one is gone. Listings have the generation and a digest, which verifies fetched content: md5, or crc32c for composite
objects. The etag is not used, because at Google it changes with metadata. An object with the Content-Encoding gzip is
pinned as it is stored, compressed, and a download decompresses it.

gcsfs finds the credentials and creates the session. The requests are made here and not through the paths of gcsfs, in
which `#` begins a generation: so keys are sent unchanged.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import quote

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
    refuse_userinfo,
    retried,
    shown,
    unavailable,
    unusable_options,
)
from artstore.errors import AccessDenied, BadReply, InvalidUri, ReferenceGone, Unreachable

CONNECT, ANSWER = 5.0, 20.0
"""How long to wait for a connection, and for each piece of a reply, in seconds."""
PAGE = 1000
"""How many objects to request in one page, which is Google's maximum."""
MOST_EMPTY_PAGES = 1000
"""A listing with more consecutive pages without objects than this does not end."""
_PIECE = 1 << 20
_GENERATION = re.compile("(.+)#([0-9]{1,19})", re.DOTALL)
_NUMBER = re.compile("[0-9]{1,18}")
_RANGE = re.compile("bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18})")
_FIELDS = "name,size,generation,md5Hash,crc32c"
_LATER = {408, 429, 500, 502, 503, 504}
_CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
_EMULATOR, _PROBE = "STORAGE_EMULATOR_HOST", "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"


class GsDriver(Driver):
    """Reads from Google Cloud Storage. `storage_options` are those of `gcsfs.GCSFileSystem`."""

    def __init__(self, storage_options: Mapping[str, Any]) -> None:
        super().__init__(storage_options)
        from fsspec.config import conf

        options = {**conf.get("gcs", {}), **conf.get("gs", {}), **self.storage_options}
        if options.get("endpoint_url") or os.environ.get(_EMULATOR):
            # Otherwise gcsfs asks the endpoint for the kind of bucket over another protocol, and waits for a minute if
            # the endpoint does not speak it. gcsfs reads this variable once, when it is imported.
            os.environ.setdefault(_PROBE, "false")
        try:
            from gcsfs.core import GCSFileSystem
        except ImportError as error:
            raise missing_library("gs", "gcsfs", "gs") from error
        self._knows_who_asks = bool(options.get("token") or os.environ.get(_EMULATOR))
        # Content is read as it is stored: the size and the digests are those of the stored bytes.
        try:
            options["session_kwargs"] = {**(options.get("session_kwargs") or {}), "auto_decompress": False}
        except TypeError as error:
            raise unusable_options("gs", error) from error
        self._make = lambda: GCSFileSystem(**{**options, "asynchronous": True, "skip_instance_cache": True})
        self._making = asyncio.Lock()
        self._gcsfs: Any = None

    def parse(self, uri: str) -> Target:
        """Parse a URI that may end with `#` and a generation; any other `#` belongs to the key."""
        refuse_userinfo(uri)
        if not _split(uri)[0] or "://" not in uri:
            raise InvalidUri(f"{shown(uri)!r} does not name a bucket: expected gs://bucket/key")
        versioned = _GENERATION.fullmatch(uri)
        return Target(versioned[1], versioned[2]) if versioned else Target(uri)

    async def stat(self, uri: str, *, version: str | None = None, checksum: Algorithm | None = None) -> RemoteObject:
        """Request the metadata of an object."""
        bucket, key = _split(uri)
        if not key:
            raise ReferenceGone(f"{uri!r} is a bucket, not an object")
        generation = {} if version is None else {"generation": version}
        found = await self._json(uri, _object_url(bucket, key), {"fields": _FIELDS, **generation})
        return _described(uri, key.rstrip("/").rpartition("/")[2] or key, found)

    async def list(self, uri: str, *, checksum: Algorithm | None = None) -> AsyncGenerator[RemoteObject]:
        """List the objects below a prefix, with their generations and digests."""
        bucket, prefix = _split(uri)
        where = f"storage/v1/b/{quote(bucket, safe='')}/o"
        wanted = {"prefix": prefix, "maxResults": str(PAGE), "fields": f"items({_FIELDS}),nextPageToken"}
        scheme = uri.partition("://")[0]
        empty_pages = 0
        while True:
            page = await retried(partial(self._json, uri, where, wanted), uri)
            items, token = page.get("items") or [], _next_page(uri, page)
            empty_pages = 0 if items else empty_pages + 1
            if not isinstance(items, list) or empty_pages > MOST_EMPTY_PAGES or token == wanted.get("pageToken", ""):
                raise _unusable_reply(uri)
            for found in items:
                key = _name(uri, found)
                if not key.startswith(prefix):
                    raise _unusable_reply(uri)
                yield _described(f"{scheme}://{bucket}/{key}", key[len(prefix) :], found)
            if token is None:
                return
            wanted = {**wanted, "pageToken": token}

    async def read(self, pinned: RemoteObject, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        """Request the pinned generation, or, if it is gone, the current one if its content is the same."""
        async for data in self._read(pinned, start, stop, stored=False):
            yield data

    async def read_stored(self, pinned: RemoteObject) -> AsyncGenerator[bytes]:
        """Request the object as `read` does, and accept that it is compressed."""
        async for data in self._read(pinned, 0, None, stored=True):
            yield data

    async def _read(self, pinned: RemoteObject, start: int, stop: int | None, *, stored: bool) -> AsyncGenerator[bytes]:
        # Google decompresses content that is stored compressed, unless the request accepts gzip.
        headers = {"Accept-Encoding": "gzip"}
        if start or stop is not None:
            headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        version = pinned.version
        if version is not None:
            try:
                async for data in self._media(pinned, version, headers, stored):
                    yield data
                return
            except ReferenceGone:
                pass
        found = await self.stat(pinned.uri)
        if pinned.differs(found) or (pinned.pinned and not pinned.is_same(found)):
            raise changed(pinned, found)
        async for data in self._media(found, found.version or "", headers, stored):
            yield data

    async def close(self) -> None:
        """Close the connections."""
        if self._gcsfs is not None:
            await (await self._gcsfs._set_session()).close()

    async def _media(
        self, pinned: RemoteObject, version: str, headers: Mapping[str, str], stored: bool
    ) -> AsyncGenerator[bytes]:
        bucket, key = _split(pinned.uri)
        where = "download/" + _object_url(bucket, key)
        async with self._answer(pinned.uri, where, {"alt": "media", "generation": version}, headers) as reply:
            part = _RANGE.fullmatch(reply.headers.get("Content-Range", "")) if reply.status == 206 else None
            said = part[2] if part else reply.headers.get("Content-Length", "")
            found = pinned._replace(
                size=int(said) if _NUMBER.fullmatch(said) else None,
                version=reply.headers.get("X-Goog-Generation", version),
            )
            if pinned.differs(found) or found.version != version:
                raise changed(pinned, found)
            if reply.status == 200 and "Range" in headers:
                raise BadReply(f"{pinned.uri!r} was sent as a whole although a part was requested")
            if reply.status == 206 and (part is None or not headers.get("Range", "").startswith(f"bytes={part[1]}-")):
                raise NoRanges(f"{pinned.uri!r} was answered with another part than the requested one")
            encoding = reply.headers.get("X-Goog-Stored-Content-Encoding") or reply.headers.get("Content-Encoding")
            if is_compressed(pinned.uri, key, encoding) and not stored:
                raise StoredCompressed(f"{pinned.uri!r} is kept compressed")
            async for data in reply.content.iter_chunked(_PIECE):
                yield data

    async def _json(self, uri: str, where: str, wanted: Mapping[str, str]) -> Any:
        async with self._answer(uri, where, wanted, {}) as reply:
            text = await reply.read()
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise BadReply(f"{uri!r} got an answer that is not JSON: check the endpoint") from None
        if not isinstance(found, dict):
            raise _unusable_reply(uri)
        return found

    @asynccontextmanager
    async def _answer(
        self, uri: str, where: str, wanted: Mapping[str, str], headers: Mapping[str, str]
    ) -> AsyncIterator[Any]:
        """Send a request, and translate errors."""
        import aiohttp
        from google.auth.exceptions import GoogleAuthError
        from yarl import URL

        try:
            system = await self._system(uri)
            session = await system._set_session()
            query = "&".join(
                f"{name}={quote(str(value), safe='')}" for name, value in system._get_params(wanted).items()
            )
            async with session.get(
                URL(f"{system._location}/{where}?{query}", encoded=True),
                headers=await asyncio.to_thread(system._get_headers, {"Accept-Encoding": "identity", **headers}),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=ANSWER),
            ) as reply:
                if reply.status not in (200, 206):
                    raise _refusal(uri, reply, await reply.text(errors="replace"))
                yield reply
        except GoogleAuthError as error:
            raise _unusable(uri, error) from None
        except (aiohttp.ServerTimeoutError, TimeoutError):
            raise Unreachable(f"{uri!r} did not answer in time: check the endpoint, or try again later") from None
        except (aiohttp.InvalidURL, aiohttp.TooManyRedirects, aiohttp.ClientResponseError) as error:
            raise BadReply(f"{uri!r} got an answer that is not HTTP: {type(error).__name__}") from None
        except aiohttp.ClientError as error:
            raise Unreachable(
                f"{uri!r} cannot be reached: {redacted(error)}. Check the endpoint and the network, or try again later"
            ) from None

    async def _system(self, uri: str) -> Any:
        """Return the file system, which takes seconds to create while it looks for credentials."""
        from google.auth.exceptions import GoogleAuthError

        async with self._making:
            if self._gcsfs is None:
                self._look_for_credentials(uri)
                try:
                    self._gcsfs = await asyncio.to_thread(self._make)
                except (GoogleAuthError, OSError, ValueError, KeyError) as error:
                    raise _unusable(uri, error) from None
                except TypeError as error:
                    raise unusable_options("gs", error) from error
            return self._gcsfs

    def _look_for_credentials(self, uri: str) -> None:
        """Refuse a missing file of credentials: gcsfs would continue without credentials."""
        named = os.environ.get(_CREDENTIALS)
        if named and not self._knows_who_asks and not os.path.isfile(named):
            raise AccessDenied(
                f"there are no credentials for {uri!r}: {_CREDENTIALS} names {named!r}, which is not a file"
            )


def _unusable(uri: str, error: Exception) -> AccessDenied:
    # The text of the library's error may contain the token.
    return AccessDenied(
        f"there are no usable credentials for {uri!r} ({type(error).__name__}): set GOOGLE_APPLICATION_CREDENTIALS, or "
        "pass storage_options={'token': 'anon'} for public objects"
    )


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.partition("://")[2].partition("/")
    return bucket, key


def _object_url(bucket: str, key: str) -> str:
    # A segment of dots would be read as a step to the parent folder.
    name = quote(key, safe="").replace(".", "%2E") if set(key) == {"."} else quote(key, safe="")
    return f"storage/v1/b/{quote(bucket, safe='')}/o/{name}"


def _described(uri: str, key: str, found: Mapping[str, Any]) -> RemoteObject:
    size, generation = str(found.get("size")), str(found.get("generation"))
    if not _NUMBER.fullmatch(size) or not generation.isdecimal() or len(generation) > 20:
        raise _unusable_reply(uri)
    digest = None
    for name, field in (("md5", "md5Hash"), ("crc32c", "crc32c")):
        if found.get(field):
            try:
                digest = f"{name}:{base64.b64decode(str(found[field])).hex()}"
            except ValueError:
                raise _unusable_reply(uri) from None
            break
    return RemoteObject(uri, key, int(size), None, generation, digest)


def _next_page(uri: str, page: dict[str, Any]) -> str | None:
    """Return the token of the page after this one; None if this is the last."""
    token = page.get("nextPageToken")
    if token is None or (isinstance(token, str) and token.isprintable()):
        return token
    raise _unusable_reply(uri)


def _name(uri: str, found: Any) -> str:
    """Return the key of an object in a listing."""
    name = found.get("name") if isinstance(found, dict) else None
    if not isinstance(name, str) or not name or any("\ud800" <= character <= "\udfff" for character in name):
        raise _unusable_reply(uri)
    return name


def _unusable_reply(uri: str) -> BadReply:
    return BadReply(f"{uri!r} got an answer that is not that of Google Cloud Storage: check the endpoint")


def _refusal(uri: str, reply: Any, text: str) -> Exception:
    """Translate a reply that is an error; Google writes a sentence into it."""
    status = reply.status
    try:
        message = str(json.loads(text)["error"]["message"])[:1000]
    except (ValueError, LookupError, TypeError, RecursionError):
        message = text[:200]
    said = redacted(f"the server says {status}: {message}" if message else f"the server says {status}")
    if status == 404:
        return ReferenceGone(f"{uri!r} was not found: {said}. Check the bucket and the name, and whether it exists yet")
    if status in (401, 403):
        return AccessDenied(
            f"{uri!r} may not be read: {said}. Set GOOGLE_APPLICATION_CREDENTIALS to credentials that may (some "
            "servers say the same about objects that do not exist)"
        )
    if status in _LATER:
        return unavailable(f"{uri!r} is not available now: {said}. Try again later", reply.headers.get("Retry-After"))
    if "requester pays" in said.lower():
        return AccessDenied(f"the reader pays for requests to {uri!r}: pass storage_options={{'requester_pays': True}}")
    return BadReply(f"{uri!r} cannot be read: {said}")
