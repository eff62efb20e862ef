"""A second, slow implementation of docs/format.md, written from that page alone, to compare with the real one."""

import hashlib
import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import blake3
import zstandard

PAGE = Path(__file__).parents[2] / "docs" / "format.md"
VECTORS: dict[str, list[Any]] = json.loads(PAGE.read_text(encoding="utf-8").split("```json\n")[1].split("```")[0])

Entry = tuple[object, ...]


def u32(n: int) -> bytes:
    return struct.pack(">I", n)


def u64(n: int) -> bytes:
    return struct.pack(">Q", n)


def text(s: str) -> bytes:
    raw = s.encode("utf-8")
    return u32(len(raw)) + raw


def maybe(x: bytes | None) -> bytes:
    return b"\0" if x is None else b"\1" + x


def digest(algorithm: str, data: bytes) -> str:
    if algorithm == "blake3":
        return "blake3:" + blake3.blake3(data).hexdigest()
    return "sha256:" + hashlib.sha256(data).hexdigest()


def decode(codec: int, data: bytes) -> bytes:
    return data if codec == 0 else zstandard.ZstdDecompressor().decompress(data)


def hash64(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def encode(entry: Entry) -> bytes:
    """Encode `(path, "file", executable, digest, size)`, `(path, "link", target)`, `(path, "folder")` or
    `(path, "reference", uri, digest, size, etag, version_id)`."""
    path, kind, *rest = entry
    head = text(str(path))
    if kind == "file":
        executable, content, size = rest
        return head + b"\1" + (b"\1" if executable else b"\0") + text(str(content)) + u64(int(str(size)))
    if kind == "link":
        return head + b"\2" + text(str(rest[0]))
    if kind == "folder":
        return head + b"\3"
    uri, content, size, etag, version_id = rest
    return (
        head
        + b"\4"
        + text(str(uri))
        + maybe(None if content is None else text(str(content)))
        + maybe(None if size is None else u64(int(str(size))))
        + maybe(None if etag is None else text(str(etag)))
        + maybe(None if version_id is None else text(str(version_id)))
    )


def cut(items: Sequence[Entry], key: Callable[[Entry], bytes]) -> list[list[Entry]]:
    parts: list[list[Entry]] = []
    part: list[Entry] = []
    for item in items:
        part.append(item)
        if (len(part) >= 32 and hash64(key(item)) * 96 < 2**64) or len(part) == 512:
            parts.append(part)
            part = []
    return [*parts, part] if part else parts


def structure(algorithm: str, name: str, body: bytes) -> str:
    return digest(algorithm, text(name) + body)


def manifest(algorithm: str, entries: Sequence[Entry]) -> tuple[str, list[tuple[str, list[tuple[str, int]]]]]:
    """Return the manifest digest and, for each group, its digest and its segments as (digest, entries)."""
    ordered = sorted(entries, key=lambda entry: str(entry[0]).encode())
    segments: list[Entry] = []
    for part in cut(ordered, lambda entry: str(entry[0]).encode()):
        body = u32(len(part)) + b"".join(map(encode, part))
        segments.append((structure(algorithm, "artstore.segment.1", body), len(part), part[-1][0]))
    groups = []
    for part in cut(segments, lambda segment: b"\0" + str(segment[2]).encode()):
        body = u32(len(part)) + b"".join(text(str(segment[0])) for segment in part)
        members = [(str(segment[0]), int(str(segment[1]))) for segment in part]
        groups.append((structure(algorithm, "artstore.group.1", body), members))
    body = u32(len(groups)) + b"".join(text(group[0]) for group in groups)
    return structure(algorithm, "artstore.manifest.1", body), groups


def version(algorithm: str, root: str, dependencies: Sequence[tuple[str, str, int, str]] = ()) -> str:
    body = text(root) + u32(len(dependencies))
    for project, collection, number, named in sorted(dependencies):
        body += text(project) + text(collection) + u64(number) + text(named)
    return structure(algorithm, "artstore.version.1", body)


def event(algorithm: str, before: str, at: str, kind: str, subject: str, detail: str) -> str:
    return structure(algorithm, "artstore.event.1", b"".join(map(text, (before, at, kind, subject, detail))))


def content(n: int) -> bytes:
    return blake3.blake3(b"").digest(length=n)


def vector_id(vector: dict[str, Any]) -> str:
    return f"{vector['algorithm']}-{vector['version'][-8:]}"


def named_files(algorithm: str, count: int) -> list[tuple[object, ...]]:
    return [
        (f"dir{i // 1000}/file_{i}.bin", "file", False, digest(algorithm, str(i).encode()), len(str(i)))
        for i in range(count)
    ]
