"""Place objects in an artifact: turn keys, in which servers allow anything, into paths that every folder can hold.

A key keeps its segments, and `%` stays as it is. Only what no folder can hold is escaped: the segments `.` and `..`
become `%2E` and `%2E%2E`; an empty segment becomes `%`; NUL becomes `%00`, and in a path that would be refused `\\` and
`:` become `%5C` and `%3A`; a segment that is too long for a file system is cut and ends with a hash of the whole. The
entry's URI holds the unchanged key, so a path is never turned back into a key.

An empty object whose key ends with `/` is a folder marker, as consoles of buckets make them: it becomes the folder.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Iterator

from artstore.core import names
from artstore.core.manifest import Entry, Kind
from artstore.drivers.remote_object import RemoteObject
from artstore.errors import InvalidPath

LONGEST = 255
"""The longest name that file systems allow, in bytes."""
_ESCAPED_SEGMENTS = {"": "%", ".": "%2E", "..": "%2E%2E"}
_ESCAPE = re.compile("(?:^|/)%(?:2E(?:%2E)?)?(?:/|$)|\0|%00")


def path_for_key(key: str) -> str:
    """Return the path for a key.

    >>> path_for_key("a//../50%.txt")
    'a/%/%2E%2E/50%.txt'

    Raises `InvalidPath` for a key that is not UTF-8 text.
    """
    path = "/".join(_ESCAPED_SEGMENTS.get(segment, segment) for segment in key.split("/")).replace("\0", "%00")
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
    """Return another path for an object whose own path is needed for a folder or for another object.

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
    look_alikes = _LookAlikes()
    async for remote in _without_markers(objects):
        own_path = path_for_key(remote.key.removesuffix("/") if remote.kind == Kind.FOLDER else remote.key)
        path = prefix + own_path
        while waiting and not remote.key.startswith(waiting[-1][2].key):
            earlier_path, _, earlier = waiting.pop()
            yield earlier.entry(earlier_path)
        for index, (earlier_path, earlier_folder, earlier) in enumerate(waiting):
            if path == earlier_path or path.startswith(earlier_folder):
                del waiting[index]
                yield earlier.entry(path_beside_folder(earlier_path, earlier.uri))
                break
        if _looks_escaped(remote.key, own_path):
            look_alikes.add(path, remote)
            continue
        path = look_alikes.make_way(path, remote.uri)
        if remote.kind == Kind.REFERENCE:
            waiting.append((path, path + "/", remote))
        else:
            yield remote.entry(path)
    for earlier_path, _, earlier in reversed(waiting):
        yield earlier.entry(earlier_path)
    for path, remote in look_alikes.placed():
        yield remote.entry(path)


async def _without_markers(objects: AsyncIterator[RemoteObject]) -> AsyncIterator[RemoteObject]:
    """Yield a listing in which folder markers are empty folders, or left out if the folder holds something."""
    marker: RemoteObject | None = None
    async for remote in objects:
        if marker is not None and not remote.key.startswith(marker.key):
            yield _folder_of(marker)
        marker = remote if remote.is_folder_marker else None
        if marker is None:
            yield remote
    if marker is not None:
        yield _folder_of(marker)


def _folder_of(marker: RemoteObject) -> RemoteObject:
    return RemoteObject(marker.uri, marker.key, kind=Kind.FOLDER)


def _looks_escaped(key: str, path: str) -> bool:
    """Whether a key contains what the escape of another key looks like, so that both may have one path."""
    if "%" not in key and "\0" not in key:
        return False
    return bool(_ESCAPE.search(key)) or path_for_key(key.replace("%5C", "\\").replace("%3A", ":")) == path != key


class _LookAlikes:
    """The objects with keys such as `a/%2E/b`, which is where the key `a/./b` lands: rare, and placed last.

    In the order of keys they come before the keys that are escaped.
    """

    def __init__(self) -> None:
        self._objects: list[tuple[str, RemoteObject]] = []
        self._paths: set[str] = set()
        self._folders: set[str] = set()

    def add(self, path: str, remote: RemoteObject) -> None:
        """Hold back an object whose own path is `path`."""
        self._objects.append((path, remote))
        self._paths.add(path)
        self._folders.update(_folders_above(path))

    def make_way(self, path: str, uri: str) -> str:
        """Return the path for another object: its own, unless one of these objects, or its folder, has that."""
        if not self._objects:
            return path
        self._folders.update(self._paths.intersection(_folders_above(path)))
        return path_beside_folder(path, uri) if path in self._paths or path in self._folders else path

    def placed(self) -> Iterator[tuple[str, RemoteObject]]:
        """Yield these objects with their paths: their own, unless it is taken or needed for a folder."""
        taken: set[str] = set()
        for path, remote in self._objects:
            free = path not in taken and path not in self._folders
            taken.add(path)
            yield path if free else path_beside_folder(path, remote.uri), remote


def _folders_above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
