"""An object outside the store, and how to tell whether it is still the same."""

from __future__ import annotations

from typing import NamedTuple

from artstore.core.manifest import LARGEST_SIZE, Entry, Kind
from artstore.errors import BadReply, InvalidInput, ReferenceChanged
from artstore.runtime.arguments import checked


class RemoteObject(NamedTuple):
    """An object outside the store, as a driver saw it at one time.

    `uri` leads to it and contains its name exactly as the server has it. `key` is that name below the listed prefix,
    or its last part if nothing was listed. The other fields pin the content, as far as the server reports them:

    - `size` in bytes;
    - `etag` without its quotes; a weak one is kept whole, as `W/"abc"`; a server that only has dates gives
      `modified:` and the date;
    - `version` if the server keeps old versions: S3's version id, Google's generation;
    - `digest` of the content as `algorithm:hex`: `md5`, `crc32c`, or an algorithm that stores use.

    `kind` and `target` are for drivers of file systems, which also find links and empty folders: `target` is where a
    link leads.
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
        """Return the object that an entry refers to, as it was when the entry was made.

        Raises `InvalidInput` if the entry is not a reference.
        """
        if entry.kind != Kind.REFERENCE or entry.uri is None:
            raise InvalidInput(f"{entry.path!r} is not a reference")
        return cls(entry.uri, entry.path, entry.size, entry.etag, entry.version_id, entry.digest)

    def entry(self, path: str) -> Entry:
        """Return the entry for this object at a path of an artifact.

        Raises `BadReply` for a size that no object has.
        """
        if self.size is not None and not 0 <= self.size <= LARGEST_SIZE:
            raise BadReply(f"{self.uri} is said to have {self.size} bytes, which no object has")
        if self.kind != Kind.REFERENCE:
            return Entry(path, self.kind, target=self.target)
        return Entry(path, self.kind, self.digest, self.size, False, None, self.uri, self.etag, self.version)

    @property
    def pinned(self) -> bool:
        """Whether different content at the same place would be noticed."""
        return self.version is not None or self.etag is not None or self.digest is not None

    @property
    def is_folder_marker(self) -> bool:
        """Whether a listing found an empty object in place of a folder: its key ends with `/`."""
        return self.kind == Kind.REFERENCE and self.size == 0 and self.uri.endswith("/")

    @property
    def strong(self) -> bool:
        """Whether there is an etag that two different contents never share."""
        return self.etag is not None and not self.etag.startswith(("W/", "modified:"))

    def is_same(self, other: RemoteObject) -> bool:
        """Whether another look, possibly at another version, certainly saw the same content."""
        if self.differs(other):
            return False
        if self.strong and self.etag == other.etag:
            return True
        if self.version is not None and self.version == other.version and self.uri == other.uri:
            return True
        # The four bytes of a crc32c reveal a broken transfer, but are too few to prove that two contents are equal.
        return self.digest is not None and self.digest == other.digest and not self.digest.startswith("crc32c:")

    def differs(self, other: RemoteObject) -> bool:
        """Whether another look saw something that cannot be the same content."""
        if self.size is not None and other.size is not None and self.size != other.size:
            return True
        if self.etag is not None and other.etag is not None and _opaque(self.etag) != _opaque(other.etag):
            return True
        if self.digest is not None and other.digest is not None:
            algorithm = self.digest.partition(":")[0]
            return other.digest.startswith(algorithm + ":") and self.digest != other.digest
        return False

    def described(self) -> str:
        """Describe in words how the object is pinned.

        >>> RemoteObject("s3://b/k", "k", size=3, etag="abc").described()
        '3 bytes, etag abc'
        """
        return ", ".join(
            part
            for part in (
                None if self.size is None else format_bytes(self.size),
                None if self.etag is None else f"etag {self.etag}",
                None if self.version is None else f"version {self.version}",
                self.digest,
            )
            if part is not None
        )


def format_bytes(size: int) -> str:
    """Return a size in words.

    >>> format_bytes(1), format_bytes(2000)
    ('1 byte', '2,000 bytes')
    """
    return "1 byte" if size == 1 else f"{size:,} bytes"


def _opaque(etag: str) -> str:
    """Return an etag without the mark of a weak one."""
    return etag[3:-1] if etag.startswith('W/"') else etag


@checked
def changed(pinned: RemoteObject, found: RemoteObject | str) -> ReferenceChanged:
    """Return the error for an object that changed; `found` describes the object at its place."""
    current = found if isinstance(found, str) else found.described()
    return ReferenceChanged(
        f"{pinned.uri!r} changed: expected {pinned.described() or 'the object that was added'}; found {current}. "
        "Restore it, or add the reference again to track the current object; `artstore status` lists all changes"
    )
