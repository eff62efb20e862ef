"""The driver for S3 and compatible servers: `s3://bucket/key`, `s3://bucket/key?versionId=V`, `s3://bucket/prefix/`.

A prefix is read as one listing of versions, which has everything that pins its objects: one request for 1,000 versions
instead of one for each object. If the server denies that or does not know it, objects are listed without their versions
and pinned by their etags only; so is the rest of a prefix that has far more old versions than objects.

Keys are sent to the server unchanged, not through the paths of s3fs, in which `?` can begin a version. s3fs creates the
client from the options and settings that it documents.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from artstore.drivers import (
    Algorithm,
    Driver,
    NoRanges,
    RemoteObject,
    Target,
    changed,
    missing_library,
    redacted,
    refuse_userinfo,
    retried,
    shown,
    unavailable,
    unusable_options,
)
from artstore.errors import AccessDenied, ArtstoreError, BadReply, InvalidUri, ReferenceGone, Unreachable

try:
    import aiohttp
    from botocore import exceptions as boto
    from s3fs import S3FileSystem
except ImportError as error:
    raise missing_library("s3", "s3fs", "s3") from error

CONNECT, ANSWER = 5, 20
"""How long to wait for a connection, and for each piece of a reply, in seconds."""
MANY_PAGES, FEW_OBJECTS = 20, 0.1
"""Versions are no longer listed after this many pages, if less than this share of them are current objects."""
PAGE = 1000
"""How many versions or objects to request in one page, which is S3's maximum."""
MOST_EMPTY_PAGES = 1000
"""A listing with more consecutive pages without objects than this does not end."""
_CONNECTIONS = 32
_PIECE = 1 << 20
_VERSION = re.compile(r"(.+)\?versionId=([^?&/]+)", re.DOTALL)
_RANGE = re.compile("bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18})")
_REGION = re.compile("[a-z0-9-]{1,63}")
_TOO_LARGE = 10**18
_NULL = "null"
"""The version of objects that were put while the bucket kept no versions; unlike others, it can be overwritten."""

_GONE = {"404", "NoSuchKey", "NoSuchVersion", "NotFound"}
_DENIED = {
    *("401", "403", "AccessDenied", "AccountProblem", "AllAccessDisabled", "ExpiredToken", "Forbidden"),
    *("InvalidAccessKeyId", "InvalidSecurity", "InvalidToken", "RequestTimeTooSkewed", "SignatureDoesNotMatch"),
    *("TokenRefreshRequired", "Unauthorized"),
}
_ELSEWHERE = {"301", "307", "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect"}
_LATER = {429, 500, 502, 503, 504}
# RuntimeError: botocore raises it for a time that it cannot read; and, as RecursionError, for a loop of redirects from
# region to region, which it does not notice.
_OURS = (OSError, ValueError, RuntimeError, boto.BotoCoreError, boto.ClientError, aiohttp.ClientError)
_UNUSABLE = (TypeError, AttributeError)
"""What the libraries raise for options of a wrong type."""

_log = logging.getLogger(__name__)


class S3Driver(Driver):
    """Reads from S3. `storage_options` are those of `s3fs.S3FileSystem`."""

    def __init__(self, storage_options: Mapping[str, Any]) -> None:
        super().__init__(storage_options)
        self._s3fs: Any = None

    def parse(self, uri: str) -> Target:
        """Parse a URI that may end with `?versionId=`; any other `?` belongs to the key."""
        refuse_userinfo(uri)
        if not _split(uri)[0] or "://" not in uri:
            raise InvalidUri(f"{shown(uri)!r} does not name a bucket: expected s3://bucket/key")
        versioned = _VERSION.fullmatch(uri)
        return Target(versioned[1], versioned[2]) if versioned else Target(uri)

    async def stat(self, uri: str, *, version: str | None = None, checksum: Algorithm | None = None) -> RemoteObject:
        """Request the headers of an object."""
        bucket, key = _split(uri)
        if not key:
            raise ReferenceGone(f"{uri!r} is a bucket, not an object")
        wanted = {} if version is None else {"VersionId": version}
        try:
            reply = await self._call("head_object", uri, Bucket=bucket, Key=key, **wanted)
        except (AccessDenied, BadReply):
            # A reply to HEAD has no text; a reply to GET says what is wrong.
            reply = await self._call("get_object", uri, Bucket=bucket, Key=key, **wanted)
            reply["Body"].close()
        return _described(uri, reply, version)

    async def list(self, uri: str, *, checksum: Algorithm | None = None) -> AsyncGenerator[RemoteObject]:
        """List versions, and yield the newest version of each key that is not deleted."""
        bucket, prefix = _split(uri)
        last, rows, objects, pages, empty_pages = "", 0, 0, 0, 0
        marker: dict[str, str] = {}
        versioned = await self._keeps_versions(uri, bucket)
        while versioned and (pages < MANY_PAGES or objects >= rows * FEW_OBJECTS):
            try:
                page = await self._page("list_object_versions", uri, Bucket=bucket, Prefix=prefix, **marker)
            except (AccessDenied, BadReply):
                if marker:
                    raise
                break
            for row in page.get("Versions", ()):
                if row.get("IsLatest"):
                    found = _row(uri, bucket, prefix, row)
                    objects, last = objects + 1, prefix + found.key
                    yield found
            if not page.get("IsTruncated"):
                return
            listed = len(page.get("Versions", ())) + len(page.get("DeleteMarkers", ()))
            empty_pages = _empty_pages(uri, empty_pages, listed)
            rows += listed
            pages += 1
            marker = _next_page(uri, marker, page, KeyMarker="NextKeyMarker", VersionIdMarker="NextVersionIdMarker")
        if marker:
            _log.warning("%s has many old versions: objects after %r are pinned by their etags only", uri, last)
        async for found in self._list_without_versions(uri, bucket, prefix, last):
            yield found

    async def _keeps_versions(self, uri: str, bucket: str) -> bool:
        """Whether a bucket has, or may have, versions.

        For a bucket that never had versions, SeaweedFS lists other etags than it sends with the objects.
        """
        try:
            return "Status" in await retried(lambda: self._call("get_bucket_versioning", uri, Bucket=bucket), uri)
        except (AccessDenied, BadReply):
            return True

    async def _list_without_versions(
        self, uri: str, bucket: str, prefix: str, after: str
    ) -> AsyncGenerator[RemoteObject]:
        marker = {"StartAfter": after} if after else {}
        empty_pages = 0
        while True:
            page = await self._page("list_objects_v2", uri, Bucket=bucket, Prefix=prefix, **marker)
            for row in page.get("Contents", ()):
                yield _row(uri, bucket, prefix, row)
            if not page.get("IsTruncated"):
                return
            empty_pages = _empty_pages(uri, empty_pages, len(page.get("Contents", ())))
            marker = _next_page(uri, marker, page, ContinuationToken="NextContinuationToken")

    async def read(self, pinned: RemoteObject, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        """Request the pinned version, then the pinned etag, then the current object, and check the reply."""
        bucket, key = _split(pinned.uri)
        wanted = {"Bucket": bucket, "Key": key}
        if start or stop is not None:
            wanted["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        reply = await self._first_answer(pinned, wanted)
        body = reply["Body"]
        try:
            found = _described(pinned.uri, reply, pinned.version)
            if pinned.differs(found) or (pinned.pinned and not pinned.is_same(found)):
                raise changed(pinned, found)
            part = _RANGE.fullmatch(reply.get("ContentRange") or "")
            if (0 if part is None else int(part[1])) != start:
                raise NoRanges(f"{pinned.uri!r} was answered with another part than the requested one")
            while data := await self._piece(body, pinned.uri):
                yield data
        finally:
            body.close()

    async def close(self) -> None:
        """Close the connections."""
        # The client is missing if it could not be created.
        if self._s3fs is not None and self._s3fs._s3 is not None:
            await self._s3fs._s3.close()

    async def _first_answer(self, pinned: RemoteObject, wanted: Mapping[str, str]) -> Any:
        refused: list[ArtstoreError] = []
        for way in _ways(pinned):
            try:
                return await self._call("get_object", pinned.uri, **wanted, **way)
            except (ReferenceGone, AccessDenied, BadReply) as error:
                refused.append(error)
        if all(isinstance(error, AccessDenied) for error in refused):
            raise refused[0]
        found = await self.stat(pinned.uri)
        raise changed(pinned, found) if pinned.differs(found) else refused[-1]

    async def _piece(self, body: Any, uri: str) -> bytes:
        try:
            data: bytes = await body.read(_PIECE)
        except _OURS as error:
            raise _said(uri, error) from error
        return data

    async def _page(self, method: str, uri: str, **arguments: str) -> Any:
        return await retried(lambda: self._call(method, uri, MaxKeys=PAGE, **arguments), uri)

    async def _call(self, method: str, uri: str, **arguments: str | int) -> Any:
        try:
            system = self._system()
        except (*_UNUSABLE, KeyError, ValueError) as error:
            raise unusable_options("s3", error) from error
        await self._connect(system, uri)
        try:
            return await system._call_s3(method, system.req_kw, **arguments)
        except boto.InvalidRegionError as error:
            # The client was created, so it is the server that names it.
            raise _elsewhere(uri, "the server names a region that cannot be one") from error
        except _OURS as error:
            raise _said(uri, error) from error
        except _UNUSABLE as error:
            raise unusable_options("s3", error) from error

    async def _connect(self, system: Any, uri: str) -> None:
        """Create the client, unless it exists."""
        try:
            await system.set_session()
        except _OURS as error:
            raise _said(uri, error) from error
        except _UNUSABLE as error:
            raise unusable_options("s3", error) from error
        # The second time it is registered already.
        system._s3.meta.events.register("before-call.s3.HeadBucket", _ask_once, unique_id="artstore-ask-once")

    def _system(self) -> Any:
        if self._s3fs is None:
            from fsspec.config import conf

            options = {**conf.get("s3", {}), **self.storage_options}
            # Other libraries of Amazon know AWS_REGION; botocore only knows AWS_DEFAULT_REGION.
            region = {"region_name": os.environ["AWS_REGION"]} if os.environ.get("AWS_REGION") else {}
            ours = {"max_pool_connections": _CONNECTIONS, "connect_timeout": CONNECT, "read_timeout": ANSWER}
            config = {**ours, **options.get("config_kwargs", {}), "retries": {"total_max_attempts": 1}}
            options["client_kwargs"] = {**region, **options.get("client_kwargs", {})}
            options["config_kwargs"] = config
            self._s3fs = S3FileSystem(**{**options, "asynchronous": True, "skip_instance_cache": True})
            # The caller retries.
            self._s3fs.retries = 1
        return self._s3fs


def _ask_once(params: dict[str, Any], **_: Any) -> None:
    """Stop botocore from asking for the region of a bucket to find the region of that bucket, without an end."""
    params["context"].setdefault("s3_redirect", {})["redirected"] = True


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.partition("://")[2].partition("/")
    return bucket, key


def _ways(pinned: RemoteObject) -> list[dict[str, str]]:
    """Return the conditions to try, best first; the last is unconditional, and only its reply shows what it is."""
    match = {"IfMatch": f'"{pinned.etag}"'} if pinned.strong else {}
    if pinned.version is not None:
        return [{"VersionId": pinned.version}, *([match] if match else []), {}]
    # An object from before a bucket had versions becomes the version "null" when it is overwritten.
    return [match, {"VersionId": _NULL, **match}, {}] if match else [{}]


def _version(reply: Mapping[str, Any], asked: str | None = None) -> str | None:
    """Return the version in a reply: None for the version "null", unless that was asked for."""
    version = reply.get("VersionId") or _NULL
    return None if version == _NULL != asked else str(version)


def _etag(reply: Mapping[str, Any]) -> str | None:
    return str(reply.get("ETag", "")).strip('"') or None


def _described(uri: str, reply: Mapping[str, Any], asked: str | None = None) -> RemoteObject:
    part = _RANGE.fullmatch(reply.get("ContentRange") or "")
    size = int(part[2]) if part else reply.get("ContentLength")
    if size is not None and not 0 <= size < _TOO_LARGE:
        raise _unusable_reply(uri)
    key = _split(uri)[1]
    name = key.rstrip("/").rpartition("/")[2] or key
    return RemoteObject(uri, name, size, _etag(reply), _version(reply, asked))


def _row(uri: str, bucket: str, prefix: str, row: Mapping[str, Any]) -> RemoteObject:
    key, size = row.get("Key", ""), row.get("Size")
    if not key.startswith(prefix) or not isinstance(size, int) or not 0 <= size < _TOO_LARGE:
        raise _unusable_reply(uri)
    scheme = uri.partition("://")[0]
    return RemoteObject(f"{scheme}://{bucket}/{key}", key[len(prefix) :], size, _etag(row), _version(row))


def _next_page(uri: str, last: Mapping[str, str], page: Mapping[str, Any], **names: str) -> dict[str, str]:
    """Return the arguments that request the page after one, which must differ from those that requested it."""
    marker = {argument: str(page[name]) for argument, name in names.items() if page.get(name)}
    if not marker or marker == last:
        raise _unusable_reply(uri)
    return marker


def _empty_pages(uri: str, before: int, rows: int) -> int:
    """Return how many consecutive pages were empty, after one more with `rows`, and refuse too many of them."""
    if not rows and before == MOST_EMPTY_PAGES:
        raise _unusable_reply(uri)
    return 0 if rows else before + 1


def _unusable_reply(uri: str) -> BadReply:
    return BadReply(f"{uri!r} got an answer that is not that of S3: check the endpoint")


def _said(uri: str, error: Exception) -> ArtstoreError:
    """Translate an error of a library."""
    known = error if isinstance(error, boto.ClientError | boto.BotoCoreError) else error.__cause__ or error
    if isinstance(known, boto.ClientError):
        return _replied(uri, known.response)
    if isinstance(known, boto.NoCredentialsError | boto.PartialCredentialsError | boto.ProfileNotFound):
        return AccessDenied(
            f"there are no credentials for {uri!r} ({redacted(known)}): set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY or a profile; or, for public objects, pass storage_options={'anon': True} or set "
            "FSSPEC_S3_ANON=1"
        )
    if isinstance(known, RecursionError):
        return _elsewhere(uri, "it redirects from region to region without end")
    if isinstance(known, RuntimeError):
        return _unusable_reply(uri)
    if isinstance(known, boto.ParamValidationError | ValueError):
        return InvalidUri(f"{uri!r} cannot be requested: {redacted(known)}")
    return Unreachable(
        f"{uri!r} cannot be reached: {redacted(known) or type(known).__name__}. Check the endpoint and the network, or "
        "try again later"
    )


def _replied(uri: str, response: Mapping[str, Any]) -> ArtstoreError:
    code = str(response.get("Error", {}).get("Code", ""))
    text = str(response.get("Error", {}).get("Message", "")).rstrip(".")
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = redacted(f"the server says {code}: {text}" if text and text != code else f"the server says {code or status}")
    if code == "NoSuchBucket":
        return ReferenceGone(f"the bucket {_split(uri)[0]!r} does not exist: {said}. Check the name, and the endpoint")
    if code in _GONE or (status == 405 and _is_deleted(response)):
        return ReferenceGone(f"{uri!r} was not found: {said}. Check the name, and whether it exists yet")
    if code in _DENIED:
        return AccessDenied(
            f"{uri!r} may not be read: {said}. Check the credentials and their permissions (some servers say the "
            "same about objects that do not exist)"
        )
    if code in _ELSEWHERE:
        headers: Mapping[str, str] = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        return _elsewhere(uri, said, headers.get("x-amz-bucket-region") or response["Error"].get("Region"))
    if status in _LATER or code in ("SlowDown", "RequestTimeout"):
        wait = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after")
        return unavailable(f"{uri!r} is not available now: {said}. Try again later", wait)
    return BadReply(f"{uri!r} cannot be read: {said}")


def _elsewhere(uri: str, said: str, region: object = None) -> BadReply:
    # Several XML elements of that name are a list.
    known = isinstance(region, str) and _REGION.fullmatch(region)
    setting, value = (f"AWS_REGION={region}", repr(region)) if known else ("AWS_REGION", "...")
    return BadReply(
        f"{uri!r} is in another region or behind another endpoint: {said}. Set {setting}, or pass "
        f"storage_options={{'client_kwargs': {{'region_name': {value}}}}}, and check the endpoint if you set one"
    )


def _is_deleted(response: Mapping[str, Any]) -> bool:
    headers: Mapping[str, str] = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers.get("x-amz-delete-marker") == "true"
