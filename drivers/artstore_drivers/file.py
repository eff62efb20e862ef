"""The driver for local files and folders, which are tracked where they are: `file:///data/images`.

Nothing is copied. With a checksum, each file is read once and pinned by its digest; without one, only its size is
known. Links to files and to folders outside are followed; a link to something inside the folder stays a link. Stores
are left out, because closing the file of a catalog would drop the locks that SQLite holds on it.

In a URI `%` begins an escape, as in `Path.as_uri`; `#` and `?` belong to names.
"""

from __future__ import annotations

import asyncio
import builtins
import os
import stat
from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple
from urllib.parse import unquote

from artstore.drivers import Algorithm, Driver, Kind, RemoteObject, Target, as_done, changed, refuse_userinfo, shown
from artstore.errors import InvalidPath, InvalidUri, LinkCycle, ReferenceGone, SourceChanged, SourceUnreadable

_SCHEME = "file://"
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_BATCH = 512
_PART = 64
_THREADS = 4
_PIECE = 4 << 20
_TRIES = 4


class _Item(NamedTuple):
    """Something in a folder: its path below the folder, its kind, and the target of a link."""

    key: str
    kind: Kind
    target: str | None = None


class FileDriver(Driver):
    """Tracks local files where they are."""

    def parse(self, uri: str) -> Target:
        """Parse `file:///path`, `file://localhost/path` or a relative `file://path`."""
        refuse_userinfo(uri)
        written = uri.partition(":")[2].removeprefix("//")
        if not written:
            raise InvalidUri(f"{shown(uri)!r} does not name a path: expected file:///folder/file")
        if written.startswith("localhost/"):
            written = written.removeprefix("localhost")
        # People put "file://" before a path without escaping it: a path that exists as it is written is taken as it is.
        path = written if os.path.lexists(written) else unquote(written)
        if "\0" in path:
            raise InvalidUri(f"{shown(uri)!r} contains %00, which no path contains: check the URI")
        slash = "/" if path.endswith("/") else ""
        return Target(_uri(os.path.abspath(path).rstrip("/") + slash))

    async def stat(self, uri: str, *, version: str | None = None, checksum: Algorithm | None = None) -> RemoteObject:
        """Look at a file, and hash it if there is a checksum."""
        return await asyncio.to_thread(_look, _path(uri), os.path.basename(_path(uri)), checksum)

    async def stat_many(
        self, targets: Sequence[Target], *, checksum: Algorithm | None = None
    ) -> AsyncGenerator[tuple[int, RemoteObject | None]]:
        """Look at many files, a part of them in each thread, and hash them if there is a checksum."""

        async def look(start: int) -> builtins.list[tuple[int, RemoteObject | None]]:
            part = targets[start : start + _PART]
            return await asyncio.to_thread(_look_at_all, start, [_path(target.uri) for target in part], checksum)

        calls = (partial(look, start) for start in range(0, len(targets), _PART))
        async for part in as_done(calls, _THREADS):
            for found in part:
                yield found

    async def list(self, uri: str, *, checksum: Algorithm | None = None) -> AsyncGenerator[RemoteObject]:
        """Walk a folder, and hash its files if there is a checksum."""
        root = _path(uri)
        walk = _walk(root)
        while batch := await asyncio.to_thread(_look_at_some, walk, root, checksum):
            for remote in batch:
                yield remote

    async def read(self, pinned: RemoteObject, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        """Read a file if it has the pinned size; a change of its content is noticed when the bytes are hashed."""
        path = _path(pinned.uri)
        descriptor = _open(path)
        try:
            size = os.fstat(descriptor).st_size
            if pinned.size is not None and size != pinned.size:
                raise changed(pinned, f"{size} bytes")
            os.lseek(descriptor, start, os.SEEK_SET)
            left = (size if stop is None else min(stop, size)) - start
            while left > 0:
                data = await asyncio.to_thread(os.read, descriptor, min(left, _PIECE))
                if not data:
                    raise changed(pinned, "a shorter file")
                left -= len(data)
                yield data
        finally:
            os.close(descriptor)


def _uri(path: str) -> str:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise InvalidPath(
            f"Invalid artifact path: {path!r} (a path is UTF-8 text without NUL: rename the file)"
        ) from error
    return _SCHEME + path.replace("%", "%25")


def _path(uri: str) -> str:
    return uri.removeprefix(_SCHEME).replace("%25", "%")


def _unreadable(path: str, reason: str) -> SourceUnreadable:
    return SourceUnreadable(f"cannot read {path!r}: {reason}. Make it readable, or leave it out")


def _open(path: str) -> int:
    try:
        descriptor = os.open(path, _FLAGS)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ReferenceGone(f"the file {path!r} was not found: check the path, and whether it exists yet") from error
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise ReferenceGone(f"{path!r} is a folder, not a file")
    raise _unreadable(path, "it is neither a file nor a folder")


def _look(path: str, key: str, checksum: Algorithm | None) -> RemoteObject:
    """Return the size and the digest of a file, which did not change in between."""
    if os.path.basename(path).startswith("artstore.db") and _is_store(os.path.dirname(path)):
        raise _unreadable(path, "it is the catalog of a store")
    descriptor = _open(path)
    try:
        before = os.fstat(descriptor)
        if checksum is None:
            return RemoteObject(_uri(path), key, before.st_size)
        for _ in range(_TRIES):
            os.lseek(descriptor, 0, os.SEEK_SET)
            hasher, size = checksum.hasher(), 0
            while data := os.read(descriptor, _PIECE if before.st_size > _PIECE else before.st_size + 1):
                hasher.update(data)
                size += len(data)
            after = os.fstat(descriptor)
            if size == after.st_size and before.st_mtime_ns == after.st_mtime_ns:
                return RemoteObject(_uri(path), key, size, digest=checksum.text(hasher.digest()))
            before = after
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    finally:
        os.close(descriptor)
    raise SourceChanged(f"{path!r} kept changing while it was read: stop the program that writes it, or add a copy")


def _look_at_all(start: int, paths: list[str], checksum: Algorithm | None) -> list[tuple[int, RemoteObject | None]]:
    found: list[tuple[int, RemoteObject | None]] = []
    for number, path in enumerate(paths, start):
        try:
            found.append((number, _look(path, os.path.basename(path), checksum)))
        except ReferenceGone:
            found.append((number, None))
    return found


def _look_at_some(walk: Iterator[_Item], root: str, checksum: Algorithm | None) -> list[RemoteObject]:
    return [
        _look(os.path.join(root, item.key), item.key, checksum)
        if item.kind == Kind.REFERENCE
        else RemoteObject(_uri(os.path.join(root, item.key)), item.key, kind=item.kind, target=item.target)
        for item in islice(walk, _BATCH)
    ]


def _walk(root: str) -> Iterator[_Item]:
    """Walk a folder in the order of keys: the files in `a` come after `a-b`, because `/` comes after `-`."""
    try:
        real = os.path.realpath(root, strict=True)
    except OSError:
        return
    if _is_store(real):
        raise _unreadable(root, "it is a store")
    if os.path.isdir(real):
        yield from _walk_below(root, "", real, (real,))


def _walk_below(root: str, prefix: str, real: str, above: tuple[str, ...]) -> Iterator[_Item]:
    folder = os.path.join(root, prefix)
    try:
        with os.scandir(folder) as listed:
            names = sorted((_sorted_by(entry), entry.name) for entry in listed)
    except OSError as error:
        raise _unreadable(folder, error.strerror or str(error)) from error
    for _, name in names:
        key = prefix + name
        path = os.path.join(root, key)
        mode = _mode(path)
        if os.path.islink(path) and len(above) == 1:
            link = _link_within(path, above[0])
            if link is not None:
                yield _Item(key, Kind.LINK, link)
                continue
        if stat.S_ISREG(mode):
            yield _Item(key, Kind.REFERENCE)
        elif stat.S_ISDIR(mode):
            yield from _walk_folder(root, key, real, above)
        else:
            raise _unreadable(path, "it is neither a file nor a folder")


def _mode(path: str) -> int:
    try:
        return os.stat(path).st_mode
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error


def _walk_folder(root: str, key: str, real: str, above: tuple[str, ...]) -> Iterator[_Item]:
    path = os.path.join(root, key)
    if _is_store(path):
        return
    inside = os.path.realpath(path)
    if os.path.islink(path):
        if any(_is_at_or_below(folder, inside) for folder in (*above, real)):
            raise LinkCycle(f"the link {path!r} leads back to {inside!r}: remove it, or add the folders one by one")
        above = (*above, inside)
    empty = True
    for item in _walk_below(root, key + "/", inside, above):
        empty = False
        yield item
    if empty:
        yield _Item(key, Kind.FOLDER)


def _sorted_by(entry: os.DirEntry[str]) -> bytes:
    return os.fsencode(entry.name) + (b"/" if entry.is_dir() else b"")


def _link_within(path: str, root: str) -> str | None:
    """Return the target of a link relative to the link, if it exists inside the folder; None for a link to follow."""
    target = os.path.realpath(path)
    if not _is_at_or_below(target, root):
        return None
    folder = os.path.dirname(path)
    if _is_at_or_below(os.path.realpath(folder), target):
        raise LinkCycle(f"the link {path!r} leads back to {target!r}: remove it, or add the folders one by one")
    return os.path.relpath(target, os.path.realpath(folder)).replace(os.sep, "/")


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _is_store(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "artstore.db")) and os.path.isdir(os.path.join(folder, "packs"))
