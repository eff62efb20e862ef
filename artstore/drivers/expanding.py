"""Which objects a URI means: one object if there is such a one, else everything below it as a prefix."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from artstore.drivers import Algorithm, Driver, RemoteObject, Target
from artstore.drivers.retrying import retried
from artstore.errors import ReferenceGone, TooManyObjects

MAX_OBJECTS = 10_000


async def meant(
    driver: Driver, uri: str, checksum: Algorithm | None
) -> tuple[RemoteObject | None, AsyncIterator[RemoteObject]]:
    """The one object that a URI means, or else what lies below it.

    An exact object wins over a prefix of the same name, and a `/` at the end asks for the prefix. Raises
    `ReferenceGone` if there is neither.
    """
    target = driver.parse(uri)
    if target.version is None and driver.lists and target.uri.endswith("/"):
        return None, _below(driver, target.uri, checksum)
    try:
        return await _one(driver, uri, target, checksum), _nothing()
    except ReferenceGone:
        if target.version is not None or not driver.lists:
            raise
        return None, _below(driver, target.uri + "/", checksum)


async def _one(driver: Driver, uri: str, target: Target, checksum: Algorithm | None) -> RemoteObject:
    try:
        return await stat(driver, target.uri, target.version, checksum)
    except ReferenceGone as error:
        # What looks like a version at the end of a URI can be part of a name.
        if target.version is None:
            raise
        try:
            return await stat(driver, uri, None, checksum)
        except ReferenceGone:
            raise ReferenceGone(f"there is no version {target.version!r} of {target.uri!r}: {error}") from error


async def stat(driver: Driver, uri: str, version: str | None, checksum: Algorithm | None) -> RemoteObject:
    """Look at one object, trying again while its server cannot be reached."""
    return await retried(lambda: driver.stat(uri, version=version, checksum=checksum), uri)


async def _below(driver: Driver, prefix: str, checksum: Algorithm | None) -> AsyncIterator[RemoteObject]:
    found = False
    async for each in driver.list(prefix, checksum=checksum):
        found = True
        yield each
    if not found and prefix.count("/") == 3:
        raise ReferenceGone(f"there is nothing in {prefix!r}: check the address, and whether it is there yet")
    if not found:
        raise ReferenceGone(
            f"there is no object {prefix.rstrip('/')!r}, and nothing below {prefix!r}: check the address, and whether "
            "it is there yet"
        )


async def _nothing() -> AsyncGenerator[RemoteObject]:
    return
    yield


async def limited(objects: AsyncIterator[RemoteObject], limit: int, prefix: str) -> AsyncIterator[RemoteObject]:
    """The objects of a listing, as long as there are not more than `limit`. Raises `TooManyObjects` then."""
    count = 0
    async for each in objects:
        count += 1
        if count > limit:
            raise TooManyObjects(
                f"there are more than {limit:,} {'object' if limit == 1 else 'objects'} below {prefix!r}: nothing was "
                "added. Pass max_objects=N with a higher number to take them all, "
                "or give a longer prefix"
            )
        yield each
