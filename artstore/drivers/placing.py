"""Where objects land in an artifact: names that servers allow, turned into paths that every folder can hold.

A key keeps its segments, and each is written so that no two are written alike: `%` as `%25`, the segments `.` and
`..` as `%2E` and `%2E%2E`, an empty one as a `%` alone; one that is too long for a file system is cut, and gets a hash
of what it was. The key itself stays in the entry's URI, so nothing ever has
to be read back.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from artstore.core import names
from artstore.core.manifest import Entry, Kind
from artstore.drivers import RemoteObject
from artstore.errors import InvalidPath

LONGEST = 255
"""The longest name that file systems take, in bytes."""
_ODD = {"": "%", ".": "%2E", "..": "%2E%2E"}


def placed(key: str) -> str:
    """The path for a key.

    >>> placed("a//../50%.txt")
    'a/%/%2E%2E/50%25.txt'

    Raises `InvalidPath` for a key that is no UTF-8 text.
    """
    path = "/".join(_ODD.get(segment) or segment.replace("%", "%25") for segment in key.split("/"))
    path = path.replace("\0", "%00")
    try:
        names.check_entry_paths([path])
    except InvalidPath:
        # What is a drive or climbs on Windows.
        path = path.replace("\\", "%5C").replace(":", "%3A")
    return names.entry_path(path if len(path) * 4 <= LONGEST else "/".join(map(_cut, path.split("/"))))


def _cut(segment: str) -> str:
    raw = segment.encode(errors="surrogatepass")
    if len(raw) <= LONGEST:
        return segment
    return _ended(segment, f"~{hashlib.blake2b(raw, digest_size=8).hexdigest()}")


def _ended(segment: str, ending: str) -> str:
    """A segment with an ending, and as much before it as fits."""
    return segment.encode(errors="surrogatepass")[: LONGEST - len(ending)].decode(errors="ignore") + ending


def set_apart(path: str, uri: str) -> str:
    """The path of a plain object whose own path is needed for something else.

    >>> set_apart("a", "s3://bucket/a")
    'a~917ded92'
    """
    folder, slash, name = path.rpartition("/")
    return folder + slash + _ended(name, f"~{hashlib.blake2b(uri.encode(), digest_size=4).hexdigest()}")


async def entries(found: AsyncIterator[RemoteObject], folder: str) -> AsyncIterator[Entry]:
    """Give each object of a listing its path below a folder.

    `a` beside `a/b` is allowed where objects lie, and not among files: the plain object is set apart. An object waits
    for that until the listing is past everything that begins with its name, so only such objects are held.
    """
    prefix = folder + "/" if folder else ""
    waiting: list[tuple[str, str, RemoteObject]] = []
    async for each in found:
        path = prefix + placed(each.key)
        while waiting and not each.key.startswith(waiting[-1][2].key):
            before, _, other = waiting.pop()
            yield other.entry(before)
        for index, (before, below, other) in enumerate(waiting):
            if path == before or path.startswith(below):
                del waiting[index]
                yield other.entry(set_apart(before, other.uri))
                break
        if each.kind == Kind.REFERENCE:
            waiting.append((path, path + "/", each))
        else:
            yield each._replace(target=each.target and each.target.replace("%", "%25")).entry(path)
    for before, _, other in reversed(waiting):
        yield other.entry(before)
