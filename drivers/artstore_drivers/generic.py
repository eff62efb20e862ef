"""Every scheme that fsspec knows and that has no driver of its own: memory, sftp, az, hf and many others.

What is tracked is what the file system tells: the size always, an etag where there is one. Without an etag a
reference is unpinned: another content of the same size goes unnoticed.

A file system that is one connection is asked one thing after another: its answers would get mixed up.
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

from artstore.drivers import Algorithm, Driver, RemoteObject, Target, changed, redacted, retried
from artstore.errors import AccessDenied, BadReply, InvalidUri, MissingExtra, ReferenceGone, Unreachable

T = TypeVar("T")

_PIECE = 8 << 20
_ETAGS = ("ETag", "etag", "e_tag")
_DENIAL = re.compile("auth|denied|forbidden|permission|login|error_perm", re.IGNORECASE)


class GenericDriver(Driver):
    """Asks the fsspec file system of a scheme."""

    def __init__(self, storage_options: Mapping[str, Any]) -> None:
        super().__init__(storage_options)
        self._systems: dict[str, tuple[Any, AbstractContextManager[object]]] = {}

    def parse(self, uri: str) -> Target:
        """Refuse a chain of addresses, such as `zip://a::s3://b/c.zip`, in which there is no place for a prefix."""
        if "::" in uri:
            raise InvalidUri(f"{uri!r} is a chain of addresses, which cannot be tracked: refer to its last part alone")
        return super().parse(uri)

    async def stat(self, uri: str, *, version: str | None = None, checksum: Algorithm | None = None) -> RemoteObject:
        """Ask for the details of one file."""
        info = await self._ask(uri, lambda system, path: system.info(path))
        if info["type"] != "file":
            raise ReferenceGone(f"{uri!r} is a folder, and no file")
        return _described(uri, uri.rstrip("/").rpartition("/")[2], info)

    async def list(self, uri: str, *, checksum: Algorithm | None = None) -> AsyncGenerator[RemoteObject]:
        """Ask for everything below a folder. fsspec lists as a whole, so this is held in memory."""
        root, found = await retried(partial(self._found, uri), uri)
        folder = root.rstrip("/") + "/" if root else ""
        for name in sorted(found, key=str.encode):
            # Some file systems find what is asked for itself, if it is a file.
            if name.startswith(folder):
                key = name.removeprefix(folder)
                yield _described(uri + key, key, found[name])

    async def read(self, pinned: RemoteObject, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        """Read a file piece by piece, looking before and behind whether it is still the one."""
        size = await self._confirm(pinned)
        if size is not None:
            # Some have an error for what is asked for behind the end.
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
        """Never: no condition goes with what is asked for."""
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
        """Ask a file system, in a thread of its own, and say its errors in our words."""
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
            raise ReferenceGone(f"there is no {uri!r}: check the address, and whether it is there yet") from error
        except PermissionError as error:
            raise AccessDenied(f"{uri!r} may not be read: {redacted(error)}. Check the credentials") from error
        except (ConnectionError, TimeoutError, gaierror) as error:
            raise Unreachable(f"{uri!r} cannot be reached: {redacted(error)}. Try again later") from error
        except OSError as error:
            raise BadReply(f"{uri!r} cannot be read: {_first_line(error)}") from error
        except ValueError as error:
            raise InvalidUri(f"{uri!r} is not how {scheme}:// is written: {redacted(error)}") from error
        except Exception as error:
            # Every library has errors of its own.
            said = f"{type(error).__name__}: {_first_line(error)}"
            if _DENIAL.search(said):
                raise AccessDenied(f"{uri!r} may not be read: {said}. Check the credentials") from error
            raise BadReply(f"{uri!r} cannot be read: {said}") from error

    def _system(self, uri: str) -> tuple[Any, AbstractContextManager[object]]:
        """The file system of the host that a URI names; some are connections, so each is made once."""
        host = _host(uri)
        if host not in self._systems:
            options = {"skip_instance_cache": True, **self.storage_options}
            system = fsspec.core.url_to_fs(host, **options)[0]
            # Not as an option, because some give those that they do not know to the library below.
            if hasattr(system, "dircache"):
                system.dircache.use_listings_cache = False
            self._systems.setdefault(host, (system, nullcontext() if system.async_impl else threading.Lock()))
        return self._systems[host]


def _first_line(error: Exception) -> str:
    """What a library says; some go on for a page."""
    return redacted(error).strip().partition("\n")[0].rstrip(".")


def _host(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/"


def _path(system: Any, uri: str) -> str:
    """The path of a URI as its file system takes it, in which everything belongs to the name."""
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
