"""Entries, and how a sorted set of them is cut into segments and groups (docs/format.md, sections 5 and 6).

A cut depends on the paths and on the distance from the previous cut, on nothing else. So cutting that starts at a cut
of an older manifest finds the same cuts again: `ManifestBuilder` takes entries one by one, and at a cut also whole
segments and groups of the older manifest.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from artstore.core.digests import Algorithm, digest_texts, text
from artstore.runtime.spool import Spool

SMALLEST, LARGEST = 32, 512
_LIMIT = (-(-(2**64) // 96)).to_bytes(8, "big")
_u32, _u64 = struct.Struct(">I").pack, struct.Struct(">Q").pack


class Kind(IntEnum):
    """The kinds of entries."""

    FILE = 1
    LINK = 2
    FOLDER = 3
    REFERENCE = 4


_FILE = Kind.FILE

LARGEST_SIZE = 2**53
"""No file or object has more bytes: 8 PiB. The size of a segment, of `LARGEST` of them, stays within 64 bits."""


class Entry(NamedTuple):
    """One path of a version: a stored file, a link, an empty folder, or a reference to an object kept elsewhere.

    `digest` is `algorithm:hex` of a stored file's content, or the checksum that a reference's server reports; `size` is
    in bytes, None if unknown.
    """

    path: str
    kind: Kind
    digest: str | None = None
    size: int | None = None
    executable: bool = False
    target: str | None = None
    uri: str | None = None
    etag: str | None = None
    version_id: str | None = None


class Segment(NamedTuple):
    """Consecutive entries of a manifest: digest, first and last path, number of entries, and their size in bytes."""

    digest: str
    first: str
    last: str
    entries: int
    size: int


class Group(NamedTuple):
    """Consecutive segments of a manifest: digest, first and last path, numbers, and their size in bytes."""

    digest: str
    first: str
    last: str
    segments: int
    entries: int
    size: int


class Dependency(NamedTuple):
    """Another version in the store that a version depends on."""

    project: str
    collection: str
    number: int
    digest: str


def _maybe(encoded: bytes | None) -> bytes:
    return b"\0" if encoded is None else b"\1" + encoded


def encode(entry: Entry) -> bytes:
    """Encode the identity of an entry for hashing."""
    path, kind, digest, size, executable = entry[:5]
    raw = path.encode()
    if kind == _FILE:
        content = (digest or "").encode()
        is_file = b"\1\1" if executable else b"\1\0"
        return b"%b%b%b%b%b%b" % (_u32(len(raw)), raw, is_file, _u32(len(content)), content, _u64(size or 0))
    head = text(path) + bytes([kind])
    if kind == Kind.LINK:
        return head + text(entry.target or "")
    if kind == Kind.FOLDER:
        return head
    return head + reference_identity(entry)


def reference_identity(entry: Entry) -> bytes:
    """Encode what pins a reference, without its path, for hashing."""
    return (
        text(entry.uri or "")
        + _maybe(None if entry.digest is None else text(entry.digest))
        + _maybe(None if entry.size is None else _u64(entry.size))
        + _maybe(None if entry.etag is None else text(entry.etag))
        + _maybe(None if entry.version_id is None else text(entry.version_id))
    )


def hash64(data: bytes) -> bytes:
    """Return the 64-bit hash that decides cuts, big-endian; it does not depend on the store's algorithm."""
    return hashlib.blake2b(data, digest_size=8).digest()


def _is_cut(length: int, key: bytes) -> bool:
    return length >= SMALLEST and (length == LARGEST or hash64(key) < _LIMIT)


def cuts(paths: Sequence[str]) -> Iterator[int]:
    """Yield the number of entries before each cut of a whole manifest, whose paths are given in order."""
    start = 0
    while start < len(paths):
        longest = min(start + LARGEST, len(paths))
        ends = (i + 1 for i in range(start + SMALLEST - 1, longest) if hash64(paths[i].encode()) < _LIMIT)
        start = next(ends, longest)
        yield start


def sort_by_path(entries: Iterable[Entry]) -> list[Entry]:
    """Sort entries by the UTF-8 bytes of their paths."""
    # Code points and UTF-8 bytes give the same order, except for surrogates, which paths cannot contain.
    return sorted(entries, key=_path)


def _path(entry: Entry) -> str:
    return entry.path


class ManifestBuilder:
    """Cuts entries, which come in order, into a manifest, and keeps parts of an older one where the cuts coincide.

    After `finish`, `groups` is the manifest; `new_segments` and `new_groups` are the parts that were not kept. At most
    `held` segments are in memory with their entries.
    """

    def __init__(self, algorithm: Algorithm, *, held: int = sys.maxsize) -> None:
        self.algorithm = algorithm
        self._entries: list[Entry] = []
        self._segments: list[Segment] = []
        self.groups: list[Group] = []
        self.new_segments: Spool[tuple[Segment, list[Entry]]] = Spool(held, per_block=1)
        self.new_groups: list[tuple[Group, list[Segment]]] = []

    @property
    def at_segment_cut(self) -> bool:
        """Whether the builder is at a cut of segments, so that a whole segment may be kept."""
        return not self._entries

    @property
    def at_group_cut(self) -> bool:
        """Whether the builder is at a cut of groups, so that a whole group may be kept."""
        return not self._entries and not self._segments

    def add(self, entries: Iterable[Entry]) -> None:
        """Add the next entries in order."""
        part = self._entries
        for entry in entries:
            part.append(entry)
            if _is_cut(len(part), entry.path.encode()):
                self._end_segment()
                part = self._entries

    def add_uncut(self, entries: Iterable[Entry]) -> None:
        """Add, at a cut of segments, entries with the first paths of a segment of an older manifest, not its last one.

        None of these paths was a cut there, so none is a cut here, and they need not be hashed again.
        """
        assert self.at_segment_cut
        self._entries += entries

    @property
    def since_group_cut(self) -> int:
        """The number of segments since the last cut of groups."""
        return len(self._segments)

    def keep_uncut(self, segments: Iterable[Segment]) -> None:
        """Add segments of an older manifest unchanged, at the same distance from a cut of groups as they had there.

        None of them may be the last of its group there: then none is a cut here, and they need not be hashed again.
        """
        self._segments += segments

    def keep_segments(self, segments: Iterable[Segment]) -> None:
        """Add segments, of an older manifest or new ones, and cut groups."""
        part = self._segments
        for segment in segments:
            part.append(segment)
            if _is_cut(len(part), b"\0" + segment.last.encode()):
                self._end_group()
                part = self._segments

    def keep_group(self, group: Group) -> None:
        """Add a group of an older manifest unchanged."""
        self.groups.append(group)

    def _end_segment(self) -> None:
        part, self._entries = self._entries, []
        segment = Segment(
            segment_digest(self.algorithm, part),
            part[0].path,
            part[-1].path,
            len(part),
            sum(entry.size or 0 for entry in part),
        )
        self.new_segments.append((segment, part))
        self.keep_segments((segment,))

    def _end_group(self) -> None:
        part, self._segments = self._segments, []
        group = Group(
            group_digest(self.algorithm, [segment.digest for segment in part]),
            part[0].first,
            part[-1].last,
            len(part),
            sum(segment.entries for segment in part),
            sum(segment.size for segment in part),
        )
        self.new_groups.append((group, part))
        self.groups.append(group)

    def finish(self) -> str:
        """Complete the manifest; return its digest."""
        if self._entries:
            self._end_segment()
        if self._segments:
            self._end_group()
        return manifest_digest(self.algorithm, [group.digest for group in self.groups])


def segment_digest(algorithm: Algorithm, entries: Sequence[Entry]) -> str:
    """Return the digest of the segment that consists of these entries."""
    return algorithm.structure("artstore.segment.1", _u32(len(entries)) + b"".join(map(encode, entries)))


def file_segment_digest(
    algorithm: Algorithm,
    paths: Sequence[bytes],
    digests: Sequence[str],
    sizes: Sequence[int],
    executables: Iterable[int] | None = None,
) -> str:
    """Return the digest of a segment of files, given as columns; paths are in UTF-8, and None is executable by default.

    The result is that of `segment_digest`.
    """
    length = _u32(len(digests[0]))
    flags = bytes(len(paths)) if executables is None else executables
    encoded = [
        b"%b%b\1%c%b%b%b" % (_u32(len(path)), path, flag, length, digest, _u64(size))
        for path, digest, size, flag in zip(paths, map(str.encode, digests), sizes, flags, strict=True)
    ]
    return algorithm.structure("artstore.segment.1", _u32(len(encoded)) + b"".join(encoded))


def group_digest(algorithm: Algorithm, segments: Sequence[str]) -> str:
    """Return the digest of the group that consists of the segments with these digests."""
    return algorithm.structure("artstore.group.1", _u32(len(segments)) + digest_texts(segments))


def manifest_digest(algorithm: Algorithm, groups: list[str]) -> str:
    """Return the digest of the manifest that consists of these groups."""
    return algorithm.structure("artstore.manifest.1", _u32(len(groups)) + digest_texts(groups))


def version_digest(algorithm: Algorithm, manifest: str, dependencies: Iterable[Dependency] = ()) -> str:
    """Return the digest of a version: of its manifest and its dependencies."""
    listed = sorted(set(dependencies))
    body = text(manifest) + _u32(len(listed))
    for project, collection, number, digest in listed:
        body += text(project) + text(collection) + _u64(number) + text(digest)
    return algorithm.structure("artstore.version.1", body)


def cut_groups(algorithm: Algorithm, entries: Iterable[Entry]) -> list[Group]:
    """Return the groups of the manifest that consists of these entries, which come in order."""
    builder = ManifestBuilder(algorithm)
    builder.add(entries)
    builder.finish()
    return builder.groups
