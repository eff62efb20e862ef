"""What a driver is: the code that knows one URI scheme, and can find, list and read the objects behind it.

A driver hears of URIs and objects, and never of stores and artifacts. What does not depend on a scheme is not its
business: which object a URI means, where it lands in an artifact, limits, trying again, reading in parts, checking
digests and writing files stand once, above it (`expanding`, `placing`, `retrying`, `fetching`). `session` is how the
rest of artstore uses drivers. `drivers/README.md` tells how to write one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar, NamedTuple

from artstore.core.digests import Algorithm as Algorithm
from artstore.core.manifest import Entry, Kind
from artstore.drivers.redaction import refuse_secrets
from artstore.errors import BadReply, ReferenceChanged


class RemoteObject(NamedTuple):
    """An object in its own place, as it was when somebody looked.

    `uri` leads to it, with its name exactly as its server has it. `key` is that name below the prefix that was listed,
    or the last part of it where nothing was listed. The rest pins it, as far as its server tells:

    - `size` in bytes;
    - `etag`, without its quotes; a weak one is kept whole, as `W/"abc"`; a server that has only dates gives
      `modified:` and the date;
    - `version`, if the server keeps old ones: S3's version id, Google's generation;
    - `digest` of the content, as `algorithm:hex`: `md5`, `crc32c`, or an algorithm of the store.

    `kind` and `target` are for drivers of file systems, which also find links and empty folders.
    """

    uri: str
    key: str
    size: int | None = None
    etag: str | None = None
    version: str | None = None
    digest: str | None = None
    kind: Kind = Kind.REFERENCE
    target: str | None = None

    @classmethod
    def of(cls, entry: Entry) -> RemoteObject:
        """The object that an entry refers to, as it was when the entry was made.

        Raises `ValueError` if the entry is no reference.
        """
        if entry.kind != Kind.REFERENCE or entry.uri is None:
            raise ValueError(f"{entry.path!r} is no reference")
        return cls(entry.uri, entry.path, entry.size, entry.etag, entry.version_id, entry.digest)

    def entry(self, path: str) -> Entry:
        """The entry for this object at a path of an artifact."""
        if self.kind != Kind.REFERENCE:
            return Entry(path, self.kind, target=self.target)
        return Entry(path, self.kind, self.digest, self.size, False, None, self.uri, self.etag, self.version)

    @property
    def pinned(self) -> bool:
        """Whether there is anything by which another content at the same place would be noticed."""
        return self.version is not None or self.etag is not None or self.digest is not None

    @property
    def strong(self) -> bool:
        """Whether there is an etag that is never shared by two contents."""
        return self.etag is not None and not self.etag.startswith(("W/", "modified:"))

    def is_same(self, found: RemoteObject) -> bool:
        """Whether it is certain that another look, at whatever version, found the same content."""
        if self.differs(found):
            return False
        if self.strong and self.etag == found.etag:
            return True
        if self.version is not None and self.version == found.version and self.uri == found.uri:
            return True
        # Four bytes are enough to notice that a transfer went wrong, and not to tell one content from another.
        return self.digest is not None and self.digest == found.digest and not self.digest.startswith("crc32c:")

    def differs(self, found: RemoteObject) -> bool:
        """Whether another look found something that cannot be the same content."""
        if self.size is not None and found.size is not None and self.size != found.size:
            return True
        if self.etag is not None and found.etag is not None and _weakly(self.etag) != _weakly(found.etag):
            return True
        if self.digest is not None and found.digest is not None:
            algorithm = self.digest.partition(":")[0]
            return found.digest.startswith(algorithm + ":") and self.digest != found.digest
        return False

    def described(self) -> str:
        """What pins it, in words.

        >>> RemoteObject("s3://b/k", "k", size=3, etag="abc").described()
        '3 bytes, etag abc'
        """
        return ", ".join(
            part
            for part in (
                None if self.size is None else in_bytes(self.size),
                None if self.etag is None else f"etag {self.etag}",
                None if self.version is None else f"version {self.version}",
                self.digest,
            )
            if part is not None
        )


def in_bytes(size: int) -> str:
    """A size in words.

    >>> in_bytes(1), in_bytes(2000)
    ('1 byte', '2,000 bytes')
    """
    return "1 byte" if size == 1 else f"{size:,} bytes"


def _weakly(etag: str) -> str:
    return etag[3:-1] if etag.startswith('W/"') else etag


def changed(pinned: RemoteObject, found: RemoteObject | str) -> ReferenceChanged:
    """The error for an object that is not what it was; `found` is what is there now."""
    now = found if isinstance(found, str) else found.described()
    return ReferenceChanged(
        f"{pinned.uri!r} is not what it was: expected {pinned.described() or 'what was there'}; found {now}. "
        "Put it back, or add the reference again to track what is there now; `artstore status` names all that changed"
    )


class NoRanges(BadReply):
    """The server gives this object only whole, whatever part of it is asked for."""


class Target(NamedTuple):
    """What a URI as people write it means: the URI of an object or prefix, and the version asked for."""

    uri: str
    version: str | None = None


class Driver(ABC):
    """The code that knows some URI schemes. All its calls, after the first one, are made on one event loop.

    `storage_options` are what fsspec's file system of the same scheme takes. They may hold secrets: a driver never
    writes them anywhere, and its errors do not quote them.

    Errors mean the same for all drivers: `ReferenceGone` (no such object, version or bucket), `AccessDenied`,
    `Unreachable` (the same call may work later: it is tried again a few times), `BadReply` (it will not).
    """

    lists: ClassVar[bool] = True
    """Whether there are prefixes, below which objects lie."""

    def __init__(self, storage_options: Mapping[str, Any]) -> None:
        self.storage_options = dict(storage_options)

    def parse(self, uri: str) -> Target:
        """Read a URI as people write it.

        The other calls take `Target.uri`, in which everything belongs to the name. Raises `InvalidUri` or
        `SecretInUri`.
        """
        refuse_secrets(uri)
        return Target(uri)

    @abstractmethod
    async def stat(self, uri: str, *, version: str | None = None, checksum: Algorithm | None = None) -> RemoteObject:
        """Look at one object: the newest version of it, or the one asked for.

        Where a server tells nothing that pins an object, a driver may read the content once, if `checksum` says by
        which algorithm to hash it.
        """

    def list(self, uri: str, *, checksum: Algorithm | None = None) -> AsyncIterator[RemoteObject]:
        """Look at all objects below a prefix, which ends with `/`, in the order of the UTF-8 bytes of their keys.

        Nothing is left out: neither empty objects nor ones with odd names. Listings can be long, so they are made
        page by page, and an implementation tries a page again by itself (`artstore.drivers.retrying.retried`).
        """
        raise NotImplementedError(f"{type(self).__name__} does not list")

    @abstractmethod
    def read(self, pinned: RemoteObject, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Read the bytes from `start` to before `stop` (None: to the end) of exactly the object that is pinned.

        That is the pinned version, or what is there now if that is certainly the same content. What the reply says
        of itself is compared with the pin before the first byte is given, because servers ignore conditions. Raises
        `ReferenceChanged`, made by `changed`; also `NoRanges`, if there is a `start` and it cannot be had.
        """

    def steady(self, pinned: RemoteObject) -> bool:
        """Whether parts that are read one by one are certain to be parts of one content."""
        return pinned.version is not None or pinned.strong

    async def close(self) -> None:
        """Let go of connections."""
        return
