"""Expand a URI: it means the object of that name if there is one, otherwise everything below it as a prefix."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from artstore.core.digests import Algorithm
from artstore.drivers.driver import Driver, ParsedUri
from artstore.drivers.remote_object import RemoteObject
from artstore.drivers.retrying import retried
from artstore.errors import AccessDenied, BadReply, ReferenceGone, TooManyObjects

MAX_OBJECTS = 10_000
"""The default limit for the objects below a prefix."""


async def expand(
    parsed: ParsedUri, checksum: Algorithm | None
) -> tuple[RemoteObject | None, AsyncIterator[RemoteObject]]:
    """Return the object that a URI means and an empty listing, or None and the objects below the URI.

    An exact object wins over a prefix of the same name; a `/` at the end asks for the prefix. Raises `ReferenceGone`
    if there is neither: for a prefix, when the listing is read.
    """
    _, driver, target = parsed
    if target.version is None and driver.lists and target.uri.endswith("/"):
        return None, _below(driver, target.uri, checksum)
    try:
        return await _exact_object(parsed, checksum), _nothing()
    except ReferenceGone:
        if target.version is not None or not driver.lists:
            raise
        return None, _below(driver, target.uri + "/", checksum)
    except AccessDenied as error:
        if target.version is not None or not driver.lists:
            raise
        return None, _below_denied(driver, target.uri + "/", checksum, error)


async def _exact_object(parsed: ParsedUri, checksum: Algorithm | None) -> RemoteObject:
    uri, driver, target = parsed
    try:
        return await stat(driver, target.uri, target.version, checksum)
    except ReferenceGone as error:
        # The end of a URI can look like a version and be part of the name.
        if target.version is None:
            raise
        try:
            return await stat(driver, uri, None, checksum)
        except ReferenceGone:
            raise ReferenceGone(f"version {target.version!r} of {target.uri!r} does not exist: {error}") from error


async def stat(driver: Driver, uri: str, version: str | None, checksum: Algorithm | None) -> RemoteObject:
    """Look at one object, and retry while its server cannot be reached."""
    return await retried(lambda: driver.stat(uri, version=version, checksum=checksum), uri)


async def _below(driver: Driver, prefix: str, checksum: Algorithm | None) -> AsyncIterator[RemoteObject]:
    empty, marked = True, False
    async for remote in driver.list(prefix, checksum=checksum):
        if remote.is_folder_marker and remote.uri == prefix:
            if marked:
                raise BadReply(f"{prefix!r} was listed twice by its server, which may never end: check the endpoint")
            marked = True
            continue
        empty = False
        yield remote
    if empty and prefix.count("/") == 3:
        raise ReferenceGone(f"there is nothing in {prefix!r}: check the address, and whether objects exist yet")
    if empty:
        raise ReferenceGone(
            f"neither an object {prefix.rstrip('/')!r} nor anything below {prefix!r} was found: check the address, and "
            "whether the objects exist yet"
        )


async def _below_denied(
    driver: Driver, prefix: str, checksum: Algorithm | None, denied: AccessDenied
) -> AsyncIterator[RemoteObject]:
    """Yield the objects below a prefix if there are any; otherwise raise the denial of the object of that name.

    Who may read what is below `images/` may often not ask whether there is an object `images`.
    """
    empty = True
    try:
        async for remote in _below(driver, prefix, checksum):
            empty = False
            yield remote
    except (AccessDenied, ReferenceGone) as error:
        raise denied if empty else error from None


async def _nothing() -> AsyncGenerator[RemoteObject]:
    return
    yield


async def limited(objects: AsyncIterator[RemoteObject], limit: int, prefix: str) -> AsyncIterator[RemoteObject]:
    """Yield the objects of a listing, and raise `TooManyObjects` after the first `limit`.

    Folder markers are not objects: there may be as many of them again, and at least `MAX_OBJECTS`.
    """
    count = markers = 0
    async for remote in objects:
        if remote.is_folder_marker:
            markers += 1
        else:
            count += 1
        if count > limit:
            raise _too_many(limit, "object", prefix)
        if markers > max(limit, MAX_OBJECTS):
            raise _too_many(max(limit, MAX_OBJECTS), "folder", prefix)
        yield remote


def _too_many(limit: int, what: str, prefix: str) -> TooManyObjects:
    return TooManyObjects(
        f"there are more than {limit:,} {what}{'' if limit == 1 else 's'} below {prefix!r}: nothing was added. Pass "
        "max_objects=N with a higher number to add them all, or give a longer prefix"
    )
