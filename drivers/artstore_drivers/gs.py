"""Objects in Google Cloud Storage: `gs://bucket/key`, `gs://bucket/key#generation`, `gs://bucket/prefix/`.

The generation pins an object, in every bucket; where old ones are not kept, that one is gone is how a change shows.
Every listing has it, and with it a digest, by which what is fetched is checked: md5, or crc32c for objects that were
composed. The etag is not kept: there it changes with metadata.

gcsfs finds the credentials and makes the session; the requests are made here, with keys as they are, past gcsfs'
paths, in which a `#` begins a generation.
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
    RemoteObject,
    Target,
    changed,
    missing_library,
    redacted,
    refuse_userinfo,
    retried,
    unavailable,
    unusable_options,
)
from artstore.errors import AccessDenied, BadReply, InvalidUri, ReferenceGone, Unreachable

CONNECT, ANSWER = 5.0, 20.0
"""How long to wait for a connection, and for each piece of an answer, in seconds."""
PAGE = 1000
"""How many objects to ask for at once; Google gives no more."""
_PIECE = 1 << 20
_GENERATION = re.compile(r"(.+)#(\d+)", re.DOTALL)
_TOTAL = re.compile(r"bytes \d+-\d+/(\d+)")
_FIELDS = "name,size,generation,md5Hash,crc32c"
_LATER = {408, 429, 500, 502, 503, 504}
_CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
_EMULATOR, _PROBE = "STORAGE_EMULATOR_HOST", "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"


class GsDriver(Driver):
    """Asks Google Cloud Storage. `storage_options` are those of `gcsfs.GCSFileSystem`."""

    def __init__(self, storage_options: Mapping[str, Any]) -> None:
        super().__init__(storage_options)
        from fsspec.config import conf

        options = {**conf.get("gcs", {}), **conf.get("gs", {}), **self.storage_options}
        if options.get("endpoint_url") or os.environ.get(_EMULATOR):
            # Else gcsfs asks the endpoint over another protocol what kind of bucket it has, and waits for a minute
            # where nobody speaks that. It looks at this once, when it is imported.
            os.environ.setdefault(_PROBE, "false")
        try:
            from gcsfs.core import GCSFileSystem
        except ImportError as error:
            raise missing_library("gs", "gcsfs", "gs") from error
        self._knows_who_asks = bool(options.get("token") or os.environ.get(_EMULATOR))
        # The bytes are those that are kept: they have the size and the digests.
        options["session_kwargs"] = {**(options.get("session_kwargs") or {}), "auto_decompress": False}
        self._make = lambda: GCSFileSystem(**{**options, "asynchronous": True, "skip_instance_cache": True})
        self._making = asyncio.Lock()
        self._gcsfs: Any = None

    def parse(self, uri: str) -> Target:
        """Read a URI that may end with `#` and a generation; any other `#` belongs to the key."""
        refuse_userinfo(uri)
        if not _split(uri)[0] or "://" not in uri:
            raise InvalidUri(f"{uri!r} names no bucket: expected gs://bucket/key")
        versioned = _GENERATION.fullmatch(uri)
        return Target(versioned[1], versioned[2]) if versioned else Target(uri)

    async def stat(self, uri: str, *, version: str | None = None, checksum: Algorithm | None = None) -> RemoteObject:
        """Ask for what is known of an object."""
        bucket, key = _split(uri)
        if not key:
            raise ReferenceGone(f"{uri!r} is a bucket, and no object")
        generation = {} if version is None else {"generation": version}
        found = await self._json(uri, _object_url(bucket, key), {"fields": _FIELDS, **generation})
        return _described(uri, key.rstrip("/").rpartition("/")[2] or key, found)

    async def list(self, uri: str, *, checksum: Algorithm | None = None) -> AsyncGenerator[RemoteObject]:
        """List the objects below a prefix, with their generations and digests."""
        bucket, prefix = _split(uri)
        where = f"storage/v1/b/{quote(bucket, safe='')}/o"
        wanted = {"prefix": prefix, "maxResults": str(PAGE), "fields": f"items({_FIELDS}),nextPageToken"}
        scheme = uri.partition("://")[0]
        while True:
            page = await retried(partial(self._json, uri, where, wanted), uri)
            for found in page.get("items", ()):
                key = found["name"]
                yield _described(f"{scheme}://{bucket}/{key}", key[len(prefix) :], found)
            if "nextPageToken" not in page:
                return
            wanted = {**wanted, "pageToken": page["nextPageToken"]}

    async def read(self, pinned: RemoteObject, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        """Ask for the pinned generation; if it is gone, for the one that is there, if its content is the same."""
        # What is kept compressed is unpacked by Google for whoever does not take it as it is.
        headers = {"Accept-Encoding": "gzip"}
        if start or stop is not None:
            headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        version = pinned.version
        if version is not None:
            try:
                async for data in self._media(pinned, version, headers):
                    yield data
                return
            except ReferenceGone:
                pass
        found = await self.stat(pinned.uri)
        if pinned.differs(found) or (pinned.pinned and not pinned.is_same(found)):
            raise changed(pinned, found)
        async for data in self._media(found, found.version or "", headers):
            yield data

    async def close(self) -> None:
        """Close the connections."""
        if self._gcsfs is not None:
            await (await self._gcsfs._set_session()).close()

    async def _media(self, pinned: RemoteObject, version: str, headers: Mapping[str, str]) -> AsyncGenerator[bytes]:
        bucket, key = _split(pinned.uri)
        where = "download/" + _object_url(bucket, key)
        async with self._answer(pinned.uri, where, {"alt": "media", "generation": version}, headers) as reply:
            total = _TOTAL.fullmatch(reply.headers.get("Content-Range", ""))
            said = total[1] if total else reply.headers.get("Content-Length")
            found = pinned._replace(
                size=None if said is None else int(said),
                version=reply.headers.get("X-Goog-Generation", version),
            )
            if pinned.differs(found) or found.version != version:
                raise changed(pinned, found)
            if reply.status == 200 and "Range" in headers:
                raise BadReply(f"{pinned.uri!r} was given whole where a part was asked for")
            async for data in reply.content.iter_chunked(_PIECE):
                yield data

    async def _json(self, uri: str, where: str, wanted: Mapping[str, str]) -> Any:
        async with self._answer(uri, where, wanted, {}) as reply:
            text = await reply.read()
        try:
            return json.loads(text)
        except ValueError:
            raise BadReply(f"{uri!r} was not answered as Google does: check the endpoint") from None

    @asynccontextmanager
    async def _answer(
        self, uri: str, where: str, wanted: Mapping[str, str], headers: Mapping[str, str]
    ) -> AsyncIterator[Any]:
        """Ask, and say in our words what is no answer."""
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
            raise Unreachable(f"{uri!r} gave no answer in time: check the endpoint, or try again later") from None
        except aiohttp.ClientError as error:
            raise Unreachable(
                f"{uri!r} cannot be reached: {redacted(error)}. Check the endpoint and the network, or try again later"
            ) from None

    async def _system(self, uri: str) -> Any:
        """The file system; making it can take seconds, while it looks for credentials."""
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
        """Refuse a file of credentials that is not there: gcsfs would go on as nobody."""
        named = os.environ.get(_CREDENTIALS)
        if named and not self._knows_who_asks and not os.path.isfile(named):
            raise AccessDenied(
                f"there are no credentials for {uri!r}: {_CREDENTIALS} names {named!r}, which is no file"
            )


def _unusable(uri: str, error: Exception) -> AccessDenied:
    # What the libraries say can have the token in it.
    return AccessDenied(
        f"there are no usable credentials for {uri!r} ({type(error).__name__}): set GOOGLE_APPLICATION_CREDENTIALS, or "
        "pass storage_options={'token': 'anon'} for what is public"
    )


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.partition("://")[2].partition("/")
    return bucket, key


def _object_url(bucket: str, key: str) -> str:
    # A segment of dots would be taken for a way up.
    name = quote(key, safe="").replace(".", "%2E") if set(key) == {"."} else quote(key, safe="")
    return f"storage/v1/b/{quote(bucket, safe='')}/o/{name}"


def _described(uri: str, key: str, found: Mapping[str, Any]) -> RemoteObject:
    digest = None
    for name, field in (("md5", "md5Hash"), ("crc32c", "crc32c")):
        if found.get(field):
            digest = f"{name}:{base64.b64decode(found[field]).hex()}"
            break
    return RemoteObject(uri, key, int(found["size"]), None, str(found["generation"]), digest)


def _refusal(uri: str, reply: Any, text: str) -> Exception:
    """What a refusal means, in our words; Google writes a sentence into it."""
    status = reply.status
    try:
        message = json.loads(text)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = text[:200]
    said = redacted(f"the server says {status}: {message}" if message else f"the server says {status}")
    if status == 404:
        return ReferenceGone(f"there is no {uri!r}: {said}. Check the bucket and the name, and whether it is there yet")
    if status in (401, 403):
        return AccessDenied(
            f"{uri!r} may not be read: {said}. Set GOOGLE_APPLICATION_CREDENTIALS to credentials that may (some "
            "servers say the same of what does not exist)"
        )
    if status in _LATER:
        return unavailable(f"{uri!r} cannot be had now: {said}. Try again later", reply.headers.get("Retry-After"))
    if "requester pays" in said.lower():
        return AccessDenied(f"{uri!r} is paid for by whoever asks: pass storage_options={{'requester_pays': True}}")
    return BadReply(f"{uri!r} cannot be read: {said}")
