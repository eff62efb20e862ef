"""Place objects in an artifact: turn keys, in which servers allow anything, into paths that every folder can hold.

A key keeps its segments, and no two keys get the same path. In a segment `%` becomes `%25`; the segments `.` and `..`
become `%2E` and `%2E%2E`; an empty segment becomes `%`; a segment that is too long for a file system is cut and ends
with a hash of the whole. The entry's URI holds the unchanged key, so a path is never turned back into a key.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from artstore.core import names
from artstore.core.manifest import Entry, Kind
from artstore.drivers.remote_object import RemoteObject
from artstore.errors import InvalidPath

LONGEST = 255
"""The longest name that file systems allow, in bytes."""
_ESCAPED_SEGMENTS = {"": "%", ".": "%2E", "..": "%2E%2E"}


def path_for_key(key: str) -> str:
    """Return the path for a key.

    >>> path_for_key("a//../50%.txt")
    'a/%/%2E%2E/50%25.txt'

    Raises `InvalidPath` for a key that is not UTF-8 text.
    """
    path = "/".join(_ESCAPED_SEGMENTS.get(segment) or segment.replace("%", "%25") for segment in key.split("/"))
    path = path.replace("\0", "%00")
    try:
        names.check_entry_paths([path])
    except InvalidPath:
        # On Windows, the path would name a drive or lead upwards.
        path = path.replace("\\", "%5C").replace(":", "%3A")
    return names.entry_path(path if len(path) * 4 <= LONGEST else "/".join(map(_shortened, path.split("/"))))


def _shortened(segment: str) -> str:
    encoded = segment.encode(errors="surrogatepass")
    if len(encoded) <= LONGEST:
        return segment
    return _with_ending(segment, f"~{hashlib.blake2b(encoded, digest_size=8).hexdigest()}")


def _with_ending(segment: str, ending: str) -> str:
    """Append an ending to a segment, which is cut if both together are too long."""
    return segment.encode(errors="surrogatepass")[: LONGEST - len(ending)].decode(errors="ignore") + ending


def path_beside_folder(path: str, uri: str) -> str:
    """Return another path for an object whose own path is needed for a folder.

    >>> path_beside_folder("a", "s3://bucket/a")
    'a~917ded92'
    """
    folder, slash, name = path.rpartition("/")
    return folder + slash + _with_ending(name, f"~{hashlib.blake2b(uri.encode(), digest_size=4).hexdigest()}")


async def place(objects: AsyncIterator[RemoteObject], folder: str) -> AsyncIterator[Entry]:
    """Yield an entry below a folder for each object of a listing, which is in key order.

    Buckets can hold both `a` and `a/b`, folders cannot: then the object `a` gets another path. So an object is held
    back until the listing is past all keys that begin with its own.
    """
    prefix = folder + "/" if folder else ""
    waiting: list[tuple[str, str, RemoteObject]] = []
    async for remote in objects:
        path = prefix + path_for_key(remote.key)
        while waiting and not remote.key.startswith(waiting[-1][2].key):
            own_path, _, earlier = waiting.pop()
            yield earlier.entry(own_path)
        for index, (own_path, own_folder, earlier) in enumerate(waiting):
            if path == own_path or path.startswith(own_folder):
                del waiting[index]
                yield earlier.entry(path_beside_folder(own_path, earlier.uri))
                break
        if remote.kind == Kind.REFERENCE:
            waiting.append((path, path + "/", remote))
        else:
            yield remote._replace(target=remote.target and remote.target.replace("%", "%25")).entry(path)
    for own_path, _, earlier in reversed(waiting):
        yield earlier.entry(own_path)
