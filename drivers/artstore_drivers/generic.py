"""The driver for all schemes that fsspec knows and that have no driver of their own: memory, sftp, az, hf and others.

An object is pinned by what the file system reports: always its size, sometimes an etag. Without an etag the reference
is unpinned: other content of the same size is not noticed.

File systems that use one connection get one request at a time: otherwise their answers would be mixed up.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from socket import gaierror
from typing import Any, TypeVar

import fsspec

from artstore.drivers import Algorithm, Driver, RemoteObject, Target, changed, redacted, retried, shown
from artstore.errors import AccessDenied, BadReply, InvalidUri, MissingExtra, ReferenceGone, Unreachable

T = TypeVar("T")

_PIECE = 8 << 20
_ETAGS = ("ETag", "etag", "e_tag")
_DENIAL = re.compile("auth|denied|forbidden|permission|login|error_perm", re.IGNORECASE)


class GenericDriver(Driver):
    """Reads objects through the fsspec file system of their scheme."""

    def __init__(self, storage_options: Mapping[str, Any]) -> None:
        super().__init__(storage_options)
        self._systems: dict[str, tuple[Any, AbstractContextManager[object]]] = {}

    def parse(self, uri: str) -> Target:
        """Refuse a chained URI, such as `zip://a::s3://b/c.zip`, because it cannot have a prefix."""
        target = super().parse(uri)
        if "::" in uri:
            raise InvalidUri(
                f"{shown(uri)!r} is a chained URI, which cannot be tracked: reference its last part instead"
            )
        return target

    async def stat(self, uri: str, *, version: str | None = None, checksum: Algorithm | None = None) -> RemoteObject:
        """Look at one file."""
        info = await self._ask(uri, lambda system, path: system.info(path))
        if info["type"] != "file":
            raise ReferenceGone(f"{uri!r} is a folder, not a file")
        return _described(uri, uri.rstrip("/").rpartition("/")[2], info)

    async def list(self, uri: str, *, checksum: Algorithm | None = None) -> AsyncGenerator[RemoteObject]:
        """List everything below a folder. fsspec makes a listing as a whole, so it is held in memory."""
        root, found = await retried(partial(self._found, uri), uri)
        folder = root.rstrip("/") + "/" if root else ""
        for name in sorted(found, key=str.encode):
            # For a file, some file systems list the file itself.
            if name.startswith(folder):
                key = name.removeprefix(folder)
                yield _described(uri + key, key, found[name])

    async def read(self, pinned: RemoteObject, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        """Read a file piece by piece, and compare it with the pin before and after."""
        size = await self._confirm(pinned)
        if size is not None:
            # Some file systems raise an error for a read beyond the end.
            stop = size if stop is None else min(stop, size)
        while stop is None or start < stop:
            end = start + _PIECE if stop is None else min(start + _PIECE, stop)
            data = await self._ask(pinned.uri, partial(_cat, start, end))
            if data:
                yield data
            start += len(data)
            if len(data) < _PIECE:
                break
        await self._confirm(pinned)

    def steady(self, pinned: RemoteObject) -> bool:
        """Return False: requests to fsspec cannot carry a condition."""
        return False

    async def _confirm(self, pinned: RemoteObject) -> int | None:
        found = await self.stat(pinned.uri)
        if pinned.differs(found):
            raise changed(pinned, found)
        return found.size

    async def _found(self, uri: str) -> tuple[str, dict[str, dict[str, Any]]]:
        def find(system: Any, path: str) -> tuple[str, dict[str, dict[str, Any]]]:
            return path, system.find(path, detail=True)

        return await self._ask(uri, find)

    async def _ask(self, uri: str, question: Callable[[Any, str], T]) -> T:
        """Ask a file system in a thread, and translate its errors."""
        return await asyncio.to_thread(self._answer, uri, question)

    def _answer(self, uri: str, question: Callable[[Any, str], T]) -> T:
        scheme = uri.partition(":")[0]
        try:
            system, turn = self._system(uri)
            with turn:
                return question(system, _path(system, uri))
        except ImportError as error:
            raise MissingExtra(f"{scheme}:// needs a package that is not installed: {redacted(error)}") from error
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ReferenceGone(f"{uri!r} was not found: check the address, and whether it exists yet") from error
        except PermissionError as error:
            raise AccessDenied(f"{uri!r} may not be read: {redacted(error)}. Check the credentials") from error
        except (ConnectionError, TimeoutError, gaierror) as error:
            raise Unreachable(f"{uri!r} cannot be reached: {redacted(error)}. Try again later") from error
        except OSError as error:
            raise BadReply(f"{uri!r} cannot be read: {_first_line(error)}") from error
        except ValueError as error:
            raise InvalidUri(f"{uri!r} is not a valid {scheme}:// address: {redacted(error)}") from error
        except Exception as error:
            # Each library has its own error classes.
            said = f"{type(error).__name__}: {_first_line(error)}"
            if _DENIAL.search(said):
                raise AccessDenied(f"{uri!r} may not be read: {said}. Check the credentials") from error
            raise BadReply(f"{uri!r} cannot be read: {said}") from error

    def _system(self, uri: str) -> tuple[Any, AbstractContextManager[object]]:
        """Return the file system for the host of a URI, created once, because some hold a connection, and its lock."""
        host = _host(uri)
        if host not in self._systems:
            options = {"skip_instance_cache": True, **self.storage_options}
            system = fsspec.core.url_to_fs(host, **options)[0]
            # Not passed as an option: some file systems pass options that they do not know on to their library.
            if hasattr(system, "dircache"):
                system.dircache.use_listings_cache = False
            self._systems.setdefault(host, (system, nullcontext() if system.async_impl else threading.Lock()))
        return self._systems[host]


def _first_line(error: Exception) -> str:
    """Return the first line of an error, because some libraries write a page."""
    return redacted(error).strip().partition("\n")[0].rstrip(".")


def _host(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/"


def _path(system: Any, uri: str) -> str:
    """Return the path of a URI as its file system takes it; `?` and `#` belong to the name."""
    host = _host(uri)
    if not {"?", "#"} & set(uri) or len(uri) <= len(host):
        return str(system._strip_protocol(uri))
    return f"{str(system._strip_protocol(host)).rstrip('/')}/{uri[len(host) :]}"


def _cat(start: int, stop: int, system: Any, path: str) -> bytes:
    data: bytes = system.cat_file(path, start=start, end=stop)
    return data


def _described(uri: str, key: str, info: Mapping[str, Any]) -> RemoteObject:
    etag = next((str(info[name]).strip('"') for name in _ETAGS if info.get(name)), None)
    return RemoteObject(uri, key, info.get("size"), etag)
