"""The base class of drivers, and the errors that only drivers raise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

from artstore.core.digests import Algorithm
from artstore.drivers.concurrent import as_done
from artstore.drivers.remote_object import RemoteObject
from artstore.drivers.retrying import retried
from artstore.errors import BadReply, InvalidInput, MissingExtra, ReferenceGone
from artstore.runtime.arguments import checked
from artstore.runtime.secrets import redacted, refuse_secrets

_AT_ONCE = 32


class NoRanges(BadReply):
    """The server sends this object only as a whole, even if part of it is requested."""


class StoredCompressed(BadReply):
    """The server keeps this object compressed, with the Content-Encoding gzip: `read_stored` has those bytes."""


class Target(NamedTuple):
    """The target of a URI: the URI of an object or prefix, and the version if the URI asks for one."""

    uri: str
    version: str | None = None


class ParsedUri(NamedTuple):
    """A URI as people write it, its driver, and the target that the driver reads in it."""

    uri: str
    driver: Driver
    target: Target


class Driver(ABC):
    """The code for one or more URI schemes. After the constructor, all calls are made on one event loop.

    `storage_options` are those of fsspec's file system for the scheme. They may hold secrets: a driver never writes
    them anywhere, and its errors do not quote them.

    Every driver raises the same errors: `ReferenceGone` (no such object, version or bucket), `AccessDenied`,
    `Unreachable` (the call is retried a few times, because it may work later), `BadReply` (it will not work later).
    """

    lists: ClassVar[bool] = True
    """Whether the scheme has prefixes with objects below them."""

    def __init__(self, storage_options: Mapping[str, Any]) -> None:
        self.storage_options = dict(storage_options)

    def parse(self, uri: str) -> Target:
        """Parse a URI as people write it, which may end with a version.

        The other calls take `Target.uri`, in which everything after the scheme belongs to the name. Raises
        `InvalidUri` or `SecretInUri`.
        """
        refuse_secrets(uri)
        return Target(uri)

    @abstractmethod
    async def stat(self, uri: str, *, version: str | None = None, checksum: Algorithm | None = None) -> RemoteObject:
        """Look at one object: its newest version, or the given one.

        If a server reports nothing that pins the content, a driver may read the content once and hash it with
        `checksum`.
        """

    async def stat_many(
        self, targets: Sequence[Target], *, checksum: Algorithm | None = None
    ) -> AsyncIterator[tuple[int, RemoteObject | None]]:
        """Look at many objects; yield the index of each with the object, or with None if there is none, in any order.

        By default that is one `stat` for each, many at the same time, and retried. A driver that can look at many
        objects for less overrides it.
        """

        async def look(index: int, target: Target) -> tuple[int, RemoteObject | None]:
            try:
                return index, await retried(
                    lambda: self.stat(target.uri, version=target.version, checksum=checksum), target.uri
                )
            except ReferenceGone:
                return index, None

        calls = (partial(look, index, target) for index, target in enumerate(targets))
        async for found in as_done(calls, _AT_ONCE):
            yield found

    def list(self, uri: str, *, checksum: Algorithm | None = None) -> AsyncIterator[RemoteObject]:
        """Yield all objects below a prefix, which ends with `/`, in the order of the UTF-8 bytes of their keys.

        Nothing is left out, neither empty objects nor odd names. A listing can be long, so it is made page by page,
        and a driver retries each page itself (`artstore.drivers.retried`).
        """
        raise NotImplementedError(f"{type(self).__name__} does not list")

    @abstractmethod
    def read(self, pinned: RemoteObject, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to but not including `stop` (None: to the end) of exactly the pinned object.

        That is the pinned version, or the current object if its content is certainly the same. Servers ignore
        conditions, so the headers of the reply are compared with the pin before the first byte is yielded. Raises
        `ReferenceChanged`, made by `changed`; also `NoRanges`, if `start` is not 0 and only the whole is available; and
        `StoredCompressed`, if the object has a Content-Encoding that a download must undo (`is_compressed`).
        """

    def read_stored(self, pinned: RemoteObject) -> AsyncIterator[bytes]:
        """Yield all bytes of an object for which `read` raises `StoredCompressed`, as they are stored.

        Size, etag and digest of the pin are those of these bytes.
        """
        raise NotImplementedError(f"{type(self).__name__} does not undo encodings")

    def steady(self, pinned: RemoteObject) -> bool:
        """Whether parts that are read separately certainly belong to the same content."""
        return pinned.version is not None or pinned.strong

    async def close(self) -> None:
        """Close the connections."""
        return


@checked
def missing_library(scheme: str, library: str, extra: str) -> MissingExtra:
    """Return the error for a driver whose library is not installed; `extra` is the extra of artstore that brings it."""
    return MissingExtra(f"{scheme}:// needs {library}, which is not installed: pip install 'artstore[{extra}]'")


@checked
def unusable_options(scheme: str, error: Exception) -> InvalidInput:
    """Return the error for an option that the library of a driver does not accept."""
    return InvalidInput(
        f"{scheme}:// cannot be set up: {redacted(error)}. Check storage_options, FSSPEC_{scheme.upper()}_* and "
        "fsspec's configuration files"
    )


_ENCODED_NAMES = {"gzip": (".gz", ".tgz", ".gzip"), "br": (".br",), "zstd": (".zst", ".tzst"), "compress": (".z",)}


@checked
def is_compressed(uri: str, name: str, encoding: str | None) -> bool:
    """Whether a download must undo the Content-Encoding of an object, which can only be gzip.

    The encoding of a file that is itself named so, such as `data.csv.gz`, is that of the file, which stays as it is.
    Raises `BadReply` for other encodings.
    """
    encodings = [part.strip().lower().removeprefix("x-") for part in (encoding or "").split(",")]
    encodings = [part for part in encodings if part not in ("", "identity", "aws-chunked")]
    if not encodings or name.lower().endswith(_ENCODED_NAMES.get(encodings[-1], ())):
        return False
    if encodings != ["gzip"]:
        raise BadReply(
            f"{uri!r} is sent with the Content-Encoding {encoding!r}, although none was requested, and only gzip can "
            "be undone: store it without that header"
        )
    return True
